//! One probe: what is sent, and who answered.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use ureq::Body;
use ureq::http::Response;

use crate::domain::probe;

/// How much of an answer is read.
const ENOUGH: u64 = 64 * 1024;

/// Who answered a probe.
#[derive(Debug)]
pub(super) enum Answer {
    /// Holdpoint refused it.
    Ours {
        /// Under which reason code.
        code: String,
        /// What it saw, where it took it for a probe.
        seen: Option<Seen>,
    },
    /// The gateway refused it by itself.
    Gateway { status: u16 },
    /// Something behind the gateway got it.
    Forwarded { status: u16, begin: String },
    /// Nobody.
    None(String),
}

/// What the service saw of a probe.
#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    pub(super) parked: bool,
    pub(super) exact_bytes: bool,
    pub(super) deadline_ms: Option<u64>,
    pub(super) longest_hold_ms: u64,
    pub(super) route: Option<String>,
    pub(super) caller_known: bool,
}

/// A call of the reserved tool, with so many bytes too many.
pub(super) fn call(nonce: &str, hold: Duration, padding: usize) -> String {
    let arguments = json!({ "nonce": nonce, "hold_ms": hold.as_millis(), "padding": " ".repeat(padding) });
    let params = json!({ "name": probe::TOOL, "arguments": arguments });
    json!({ "jsonrpc": "2.0", "id": nonce, "method": "tools/call", "params": params }).to_string()
}

impl Answer {
    pub(super) fn of(answer: Result<Response<Body>, ureq::Error>) -> Self {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Self::None(error.to_string()),
        };
        let status = answer.status().as_u16();
        let code = answer.headers().get("x-holdpoint-outcome").and_then(|code| code.to_str().ok());
        let code = code.map(str::to_owned);
        let body = answer.into_body().into_with_config().limit(ENOUGH).read_to_string().unwrap_or_default();
        match (code, status) {
            (Some(code), _) => Self::Ours { code, seen: seen(&body) },
            // What gateways answer by themselves: not logged in, no leave, too large, no time, nobody there.
            (None, 401 | 403 | 408 | 413 | 502..=504) => Self::Gateway { status },
            (None, _) => Self::Forwarded { status, begin: body.chars().take(80).collect() },
        }
    }
}

fn seen(body: &str) -> Option<Seen> {
    let mut answer: Value = serde_json::from_str(body).ok()?;
    serde_json::from_value(answer["result"]["_meta"]["dev.holdpoint/denial"]["probe"].take()).ok()
}
