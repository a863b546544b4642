//! No body that the reader lets pass hides a gated call.
//!
//! ```sh
//! mkdir -p fuzz/corpus/reader
//! cargo +nightly fuzz run reader fuzz/corpus/reader fuzz/seeds -- -dict=fuzz/reader.dict
//! ```
#![no_main]

#[path = "../../src/ext_authz/mcp/lenient.rs"]
mod lenient;

use holdpoint::domain::json::Json;
use holdpoint::domain::message::Asked;
use holdpoint::ext_authz::mcp;
use holdpoint::ext_authz::request::{Body, Headers, HttpRequest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let request = HttpRequest {
        method: "POST".to_owned(),
        headers: Headers(vec![("content-type".to_owned(), "application/json".to_owned())]),
        body: Body::Raw(bytes.to_vec()),
        size: bytes.len() as i64,
        ..HttpRequest::default()
    };
    let passes = match mcp::read(&request, 1 << 20) {
        Ok(Asked::Message(message)) => message.tool.is_none(),
        Ok(Asked::Response | Asked::Nothing) => true,
        Err(_) => false,
    };
    assert!(!(passes && lenient::could_be_gated(bytes)), "a call that is not gated");

    if let Ok(json) = Json::read(bytes) {
        assert_eq!(Json::read(json.text().as_bytes()), Ok(json), "writing changed the value");
    }
});
