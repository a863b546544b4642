//! Why a request is refused before policy sees it.

use crate::domain::json::{Json, JsonError};

/// A request that cannot be read with certainty.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct Unreadable {
    /// What is wrong with it; as text it tells the client's developer what to do.
    pub why: Why,
    /// The id of the JSON-RPC request, where it could be read with certainty.
    pub id: Option<Json>,
}

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Why {
    /// An HTTP method that MCP does not use.
    #[error("this HTTP method is not used by MCP: use POST, or GET, HEAD, OPTIONS or DELETE without a body")]
    HttpMethod,
    /// The connection would leave HTTP, and with it the gate.
    #[error(
        "a request with an Upgrade header is refused: use plain HTTP/1.1 or HTTP/2 without upgrading to it"
    )]
    Upgrade,
    /// A body where none belongs.
    #[error("only a POST may carry a body: send the message by POST, or leave the body out")]
    UnexpectedBody,
    /// A POST without a message.
    #[error("the POST has no body: send one JSON-RPC message in it")]
    NoBody,
    /// The gateway has not passed the body on.
    #[error(
        "the gateway did not show the body of this POST: let it forward bodies to this service (Envoy: \
         with_request_body, agentgateway: includeRequestBody, agentgateway on Kubernetes: forwardBody)"
    )]
    NotForwarded,
    /// The gateway has passed on a part of the body, or does not say that it is the whole.
    #[error(
        "the gateway did not show the whole body: send a smaller one, or raise the gateway's limit for forwarded \
         bodies"
    )]
    Partial,
    /// The body is larger than what is read.
    #[error("the body has more than {max} bytes: send a smaller one")]
    TooLarge {
        /// The limit.
        max: usize,
    },
    /// `Content-Length` and `Transfer-Encoding` do not say one thing.
    #[error(
        "Content-Length and Transfer-Encoding contradict each other or are not valid: send one Content-Length"
    )]
    Framing,
    /// The gateway has decoded the body, and something was lost or may have been.
    #[error(
        "the body contains U+FFFD, so the gateway may have lost bytes that are not UTF-8: write it as \\ufffd, or let \
         the gateway forward bytes (Envoy: pack_as_bytes, agentgateway: packAsBytes)"
    )]
    Decoded,
    /// Not one `Content-Type`, or not JSON in UTF-8.
    #[error("send exactly one Content-Type, application/json, with no parameter other than charset=utf-8")]
    ContentType,
    /// The body is compressed.
    #[error("send the body without Content-Encoding: a compressed body is not read")]
    ContentEncoding,
    /// The body is not JSON that every server reads the same way.
    #[error("the body is not strict JSON: {0}")]
    Json(JsonError),
    /// Several messages in one array.
    #[error("a JSON-RPC batch is refused: send each message in a POST of its own")]
    Batch,
    /// JSON, but not a JSON-RPC message.
    #[error("the body is not a JSON-RPC message: {0}")]
    NotAMessage(&'static str),
    /// A member that some servers take for another one.
    #[error("the member {found:?} could be taken for {expected:?}: spell it {expected:?} or leave it out")]
    LookAlike {
        /// The beginning of the member's name, as sent.
        found: String,
        /// What it looks like.
        expected: &'static str,
    },
    /// A `tools/call` that does not say which tool or with which arguments.
    #[error("the tools/call is not valid: {0}")]
    Params(&'static str),
    /// An `Mcp-*` header that says something else than the body.
    #[error("header mismatch: {0}")]
    HeaderMismatch(String),
}

impl Unreadable {
    /// The reason code, of the closed set that answers, audit and metrics share.
    pub fn reason_code(&self) -> &'static str {
        match self.why {
            Why::NotForwarded | Why::Partial => "partial_body",
            Why::Batch => "batch",
            Why::HeaderMismatch(_) => "header_mismatch",
            _ => "unreadable",
        }
    }

    /// The HTTP status to answer with.
    pub fn http_status(&self) -> u16 {
        match self.why {
            Why::NotForwarded => 403,
            Why::HttpMethod => 405,
            Why::Partial | Why::TooLarge { .. } => 413,
            Why::ContentType | Why::ContentEncoding => 415,
            _ => 400,
        }
    }

    /// The JSON-RPC error code to answer with.
    pub fn rpc_code(&self) -> i32 {
        match self.why {
            Why::Json(_) | Why::Decoded => -32700,
            Why::Params(_) => -32602,
            Why::HeaderMismatch(_) => -32020,
            _ => -32600,
        }
    }
}

impl From<Why> for Unreadable {
    fn from(why: Why) -> Unreadable {
        Unreadable { why, id: None }
    }
}
