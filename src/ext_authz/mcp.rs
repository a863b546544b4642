//! What an HTTP request asks of an MCP server: read with certainty or refused.
//!
//! MCP servers disagree about what odd bytes say. Whatever they and this reader read differently is a way around the
//! gate, so nothing odd is ever taken for "not a tool call".

mod body;
mod envelope;
mod headers;
mod unreadable;

#[cfg(test)]
mod hidden_calls;
#[cfg(test)]
mod lenient;
#[cfg(test)]
mod tests;

pub use unreadable::{Unreadable, Why};

use super::request::HttpRequest;
use crate::domain::json::Json;
use crate::domain::message::Asked;

/// Reads what the request asks for; a body above `max_body` bytes is refused.
pub fn read(request: &HttpRequest, max_body: usize) -> Result<Asked, Unreadable> {
    if request.headers.all("upgrade").next().is_some() {
        return Err(Why::Upgrade.into());
    }
    match request.method.as_str() {
        "POST" => posted(request, max_body),
        "GET" | "HEAD" | "OPTIONS" | "DELETE" => {
            body::absent(request)?;
            headers::agree(&request.headers, None).map_err(Why::HeaderMismatch)?;
            Ok(Asked::Nothing)
        }
        _ => Err(Why::HttpMethod.into()),
    }
}

fn posted(request: &HttpRequest, max_body: usize) -> Result<Asked, Unreadable> {
    let bytes = body::whole(request, max_body)?;
    let json = Json::read(&bytes).map_err(Why::Json)?;
    // From here on a refusal can name the request: the object has one "id" for every reader.
    let id = json.get("id").filter(|id| matches!(id, Json::String(_) | Json::Number(_))).cloned();
    let refused = |why| Unreadable { why, id };

    let asked = match envelope::open(json) {
        Ok(asked) => asked,
        Err(why) => return Err(refused(why)),
    };
    let message = match &asked {
        Asked::Message(message) => Some(message),
        Asked::Nothing | Asked::Response => None,
    };
    match headers::agree(&request.headers, message) {
        Ok(()) => Ok(asked),
        Err(mismatch) => Err(refused(Why::HeaderMismatch(mismatch))),
    }
}
