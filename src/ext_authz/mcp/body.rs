//! The body: all of it, uncompressed JSON in UTF-8, or none.

use std::borrow::Cow;

use super::Why;
use crate::ext_authz::request::{Body, Headers, HttpRequest};

/// The body of a POST, once it is certain that nothing of it is missing and how it is to be read.
pub(super) fn whole(request: &HttpRequest, max: usize) -> Result<Cow<'_, [u8]>, Why> {
    let bytes = request.body.bytes();
    let framing = Framing::of(&request.headers)?;
    if bytes.is_empty() {
        let announced = request.size != 0 || framing.announces_a_body();
        return Err(if announced { Why::NotForwarded } else { Why::NoBody });
    }
    // Before the length: a decoded body has another one.
    if matches!(&request.body, Body::Text(text) if text.contains('\u{FFFD}')) {
        return Err(Why::Decoded);
    }
    if says_partial(&request.headers) || !is_len(request.size, &bytes) || !framing.allows(bytes.len()) {
        return Err(Why::Partial);
    }
    if bytes.len() > max {
        return Err(Why::TooLarge { max });
    }
    match lines(&request.headers, "content-type")[..] {
        [content_type] if is_json(content_type) => {}
        _ => return Err(Why::ContentType),
    }
    if !request.headers.all("content-encoding").all(|coding| coding.eq_ignore_ascii_case("identity")) {
        return Err(Why::ContentEncoding);
    }
    Ok(bytes)
}

/// Refuses any sign of a body.
pub(super) fn absent(request: &HttpRequest) -> Result<(), Why> {
    let none = request.body.bytes().is_empty()
        && request.size == 0
        && !says_partial(&request.headers)
        && !Framing::of(&request.headers)?.announces_a_body();
    if none { Ok(()) } else { Err(Why::UnexpectedBody) }
}

/// How the client's headers say where the body ends.
enum Framing {
    Unsaid,
    Length(u64),
    Chunked,
}

impl Framing {
    fn of(headers: &Headers) -> Result<Framing, Why> {
        match (&lines(headers, "content-length")[..], &lines(headers, "transfer-encoding")[..]) {
            ([], []) => Ok(Framing::Unsaid),
            ([digits], []) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map(Framing::Length).map_err(|_| Why::Framing)
            }
            ([], [coding]) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
            _ => Err(Why::Framing),
        }
    }

    fn announces_a_body(&self) -> bool {
        !matches!(self, Framing::Unsaid | Framing::Length(0))
    }

    fn allows(&self, there: usize) -> bool {
        match self {
            Framing::Length(length) => *length == there as u64,
            Framing::Unsaid | Framing::Chunked => true,
        }
    }
}

fn says_partial(headers: &Headers) -> bool {
    headers.all("x-envoy-auth-partial-body").any(|value| value != "false")
}

fn is_len(size: i64, bytes: &[u8]) -> bool {
    usize::try_from(size).is_ok_and(|size| size == bytes.len())
}

/// `application/json`, alone or with `charset=utf-8`; anything else might make a server decode the bytes another way.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(|part| part.trim_matches([' ', '\t']));
    let media_type = parts.next().is_some_and(|m| m.eq_ignore_ascii_case("application/json"));
    let charset = parts.next().is_none_or(|p| {
        p.eq_ignore_ascii_case("charset=utf-8") || p.eq_ignore_ascii_case("charset=\"utf-8\"")
    });
    media_type && charset && parts.next().is_none()
}

fn lines<'a>(headers: &'a Headers, name: &'a str) -> Vec<&'a str> {
    headers.all(name).collect()
}
