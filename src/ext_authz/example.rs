//! A call as a person writes it down, to try out a policy.

use super::path::{self, AmbiguousPath};
use super::request::{Body, Headers, HttpRequest};
use super::{identity, mcp};
use crate::domain::call::{Call, Caller, Request};
use crate::domain::json::Json;
use crate::domain::message::Asked;

/// Why an example is not one.
#[derive(Debug, thiserror::Error)]
pub enum NoExample {
    /// Nothing to rule on.
    #[error("\"message\" is missing: the JSON-RPC message that the agent sends")]
    NoMessage,
    /// A gate would refuse it before policy sees it.
    #[error("the gate would refuse this before any rule: {0}")]
    Unreadable(#[from] mcp::Unreadable),
    /// A gate would refuse it before policy sees it.
    #[error("the gate would refuse this before any rule: {0}")]
    Path(#[from] AmbiguousPath),
}

/// Reads an example; its message is read as strictly as the gate does.
pub fn read(example: &Json) -> Result<(Call, Asked), NoExample> {
    let message = example.get("message").ok_or(NoExample::NoMessage)?.text();
    let text = |json: Option<&Json>| json.and_then(Json::as_str).map(str::to_owned);
    let request = example.get("request");
    let field = |name, default: &str| text(request.and_then(|r| r.get(name))).unwrap_or(default.to_owned());
    let given = match request.and_then(|request| request.get("headers")) {
        Some(Json::Object(headers)) => headers.as_slice(),
        _ => &[],
    };
    let given =
        given.iter().filter_map(|(name, value)| Some((name.to_lowercase(), value.as_str()?.to_owned())));
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    headers.extend(given);
    let http = HttpRequest {
        method: field("method", "POST"),
        path: field("path", "/"),
        host: field("host", "localhost"),
        headers: Headers(headers),
        size: i64::try_from(message.len()).unwrap_or(i64::MAX),
        body: Body::Text(message),
    };
    let asked = mcp::read(&http, usize::MAX)?;
    let path = path::path(&http.path)?;
    let caller = example.get("caller").map_or_else(Caller::anonymous, |caller| {
        let claimed = identity::claimed(caller.get("claims").cloned().unwrap_or_else(Json::empty_object));
        match text(caller.get("sub")) {
            Some(subject) => Caller { subject: Some(crate::domain::ids::Subject(subject)), ..claimed },
            None => claimed,
        }
    });
    let HttpRequest { method, path: target, host, headers, .. } = http;
    let request = Request { method, target, path, host, headers: headers.0 };
    Ok((Call { caller, request, route: text(example.get("route")), session: None }, asked))
}
