//! The HTTP request that a gateway asks about, and what the gateway itself says of it.

use std::{borrow::Cow, collections::BTreeMap};

use prost_types::Struct;

use super::proto::{CheckRequest, HeaderMap, Metadata, attribute_context};

mod deadline;
mod trace_context;

pub use deadline::deadline;
pub use trace_context::trace_context;

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

/// Header lines. Where the gateway lists them, in that order, and a name may be there several times; where it sends a map,
/// by name, and it has folded the values of one name in its own way.
#[derive(Debug, Clone, Default)]
pub struct Headers(pub Vec<(String, String)>);

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

/// What only the gateway can say of a request: no client can set it.
#[derive(Debug, Clone, Default)]
pub struct Vouched {
    /// What the operator wrote at the route.
    pub context_extensions: BTreeMap<String, String>,
    /// The client that mutual TLS has proven to the gateway.
    pub principal: Option<String>,
    metadata: BTreeMap<String, Struct>,
    route_metadata: BTreeMap<String, Struct>,
}

/// Why a Check does not say with certainty which request it asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// It describes no HTTP request.
    #[error("the gateway asks about no HTTP request")]
    NoRequest,
    /// It has a `body` and a `raw_body`, and only one can be what is forwarded.
    #[error("the gateway sends two bodies, body and raw_body")]
    TwoBodies,
    /// It has `headers` and a `header_map`, and only one can be what is forwarded.
    #[error("the gateway sends two lists of headers, headers and header_map")]
    TwoHeaderLists,
}

/// Takes a Check apart into the client's request and the gateway's own word.
pub fn read(check: CheckRequest) -> Result<(HttpRequest, Vouched), Unclear> {
    let attributes = *check.attributes.ok_or(Unclear::NoRequest)?;
    let http = attributes.request.and_then(|request| request.http).ok_or(Unclear::NoRequest)?;
    let vouched = Vouched {
        context_extensions: attributes.context_extensions,
        principal: attributes.source.map(|peer| peer.principal).filter(|name| !name.is_empty()),
        metadata: attributes.metadata_context.map(by_namespace).unwrap_or_default(),
        route_metadata: attributes.route_metadata_context.map(by_namespace).unwrap_or_default(),
    };
    Ok((HttpRequest::try_from(http)?, vouched))
}

fn by_namespace(metadata: Metadata) -> BTreeMap<String, Struct> {
    metadata.filter_metadata
}

// === impl HttpRequest ===

impl TryFrom<attribute_context::HttpRequest> for HttpRequest {
    type Error = Unclear;

    fn try_from(http: attribute_context::HttpRequest) -> Result<Self, Unclear> {
        Ok(Self {
            method: http.method,
            path: http.path,
            host: http.host,
            headers: Headers::new(http.headers, http.header_map.unwrap_or_default())?,
            body: Body::new(http.body, http.raw_body)?,
            size: http.size,
        })
    }
}

// === impl Headers ===

impl Headers {
    fn new(folded: BTreeMap<String, String>, listed: HeaderMap) -> Result<Self, Unclear> {
        let mut headers: Vec<_> = match (folded.is_empty(), listed.headers.is_empty()) {
            (false, false) => return Err(Unclear::TwoHeaderLists),
            (false, true) => folded.into_iter().collect(),
            (true, _) => listed.headers.into_iter().map(|h| (h.key, value(h.value, h.raw_value))).collect(),
        };
        headers.iter_mut().for_each(|(name, _)| name.make_ascii_lowercase());
        Ok(Self(headers))
    }

    /// All values that came under this (lower-case) name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// Bytes that are no UTF-8 become U+FFFD: a header is not worth refusing a request that servers accept.
fn value(text: String, raw: Vec<u8>) -> String {
    if raw.is_empty() {
        return text;
    }
    String::from_utf8(raw).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

// === impl Body ===

impl Body {
    fn new(text: String, raw: Vec<u8>) -> Result<Self, Unclear> {
        match (text.is_empty(), raw.is_empty()) {
            (false, false) => Err(Unclear::TwoBodies),
            (true, false) => Ok(Body::Raw(raw)),
            (false, true) => Ok(Body::Text(text)),
            (true, true) => Ok(Body::Empty),
        }
    }

    /// The text that it is; none where it is not UTF-8.
    pub fn into_text(self) -> Option<String> {
        match self {
            Body::Empty => Some(String::new()),
            Body::Raw(bytes) => String::from_utf8(bytes).ok(),
            Body::Text(text) => Some(text),
        }
    }

    /// The bytes that are there.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Body::Empty => Cow::Borrowed(&[]),
            Body::Raw(bytes) => Cow::Borrowed(bytes),
            Body::Text(text) => Cow::Borrowed(text.as_bytes()),
        }
    }
}

// === impl Vouched ===

impl Vouched {
    /// What one of the gateway's filters has found out, such as `envoy.filters.http.jwt_authn`.
    pub fn metadata(&self, namespace: &str) -> Option<&Struct> {
        self.metadata.get(namespace)
    }

    /// What the operator wrote at the route under this namespace.
    pub fn route_metadata(&self, namespace: &str) -> Option<&Struct> {
        self.route_metadata.get(namespace)
    }
}
