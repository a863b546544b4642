//! The HTTP request that a gateway asks about.

use std::borrow::Cow;

/// One HTTP request as the gateway describes it.
#[derive(Debug, Clone, Default)]
pub struct HttpRequest {
    /// The HTTP method, as sent (`POST`).
    pub method: String,
    /// Path with query, as sent.
    pub path: String,
    /// The authority (`Host` or `:authority`).
    pub host: String,
    /// All headers, names in lower case.
    pub headers: Headers,
    /// The body, if the gateway forwards one.
    pub body: Body,
    /// The size of the body in bytes as the gateway claims it; -1 when the gateway does not know or has cut it short.
    pub size: i64,
}

/// Header lines in the order in which the gateway lists them; a name may be there several times.
#[derive(Debug, Clone, Default)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// All values that came under this (lower-case) name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// The body of a request, in the form in which the gateway gave it.
#[derive(Debug, Clone, Default)]
pub enum Body {
    /// None, or an empty one.
    #[default]
    Empty,
    /// The exact bytes (`raw_body`).
    Raw(Vec<u8>),
    /// A string that the gateway has decoded (`body`): it may have lost bytes that were not UTF-8.
    Text(String),
}

impl Body {
    /// The bytes that are there.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Body::Empty => Cow::Borrowed(&[]),
            Body::Raw(bytes) => Cow::Borrowed(bytes),
            Body::Text(text) => Cow::Borrowed(text.as_bytes()),
        }
    }
}
