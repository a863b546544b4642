//! Requests for the tests of the reader.

mod bodies;
mod headers;
mod messages;

use super::{Unreadable, Why, read};
use crate::domain::json::Json;
use crate::domain::message::{Asked, Message};
use crate::ext_authz::request::{Body, Headers, HttpRequest};

const MAX: usize = 4096;
const CALL: &str =
    r#"{"id":3,"method":"tools/call","params":{"name":"transfer","arguments":{"to":"DE-1","amount":5}}}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":3,"method":"tools/list"}"#;

fn post(body: &str) -> HttpRequest {
    request("POST", body.as_bytes()).with("content-type", "application/json")
}

fn request(method: &str, body: &[u8]) -> HttpRequest {
    let (size, body) = (body.len() as i64, Body::Raw(body.to_vec()));
    HttpRequest { method: method.to_owned(), path: "/mcp".to_owned(), body, size, ..HttpRequest::default() }
}

/// A request with one thing changed.
trait Changed {
    fn with(self, name: &str, value: &str) -> Self;
    fn without(self, name: &str) -> Self;
}

impl Changed for HttpRequest {
    fn with(mut self, name: &str, value: &str) -> HttpRequest {
        self.headers.0.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> HttpRequest {
        self.headers.0.retain(|(n, _)| n != name);
        self
    }
}

fn asked(request: &HttpRequest) -> Asked {
    read(request, MAX).unwrap_or_else(|e| panic!("refused: {e}"))
}

fn message(request: &HttpRequest) -> Message {
    match asked(request) {
        Asked::Message(message) => message,
        other => panic!("no message: {other:?}"),
    }
}

fn refused(request: &HttpRequest) -> Unreadable {
    read(request, MAX).expect_err("must be refused")
}

#[track_caller]
fn assert_mismatch(request: &HttpRequest) {
    let refused = refused(request);
    assert_eq!(
        (refused.reason_code(), refused.http_status(), refused.rpc_code()),
        ("header_mismatch", 400, -32020),
        "{refused}"
    );
}
