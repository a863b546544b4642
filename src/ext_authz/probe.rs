//! What the answer to a probe tells: how the gateway shows requests to this service.

use std::time::Duration;

use serde_json::{Value, json};

use crate::domain::call::Call;
use crate::domain::outcome::Outcome;

/// What was seen of one request.
#[derive(Debug)]
pub(super) struct Seen {
    /// Whether the body came as bytes, and not as a string that the gateway has decoded.
    pub(super) exact_bytes: bool,
    /// When the gateway gives up.
    pub(super) deadline: Option<Duration>,
    /// How long a rule holds a call at most.
    pub(super) longest: Duration,
}

/// The same, with what the gateway vouches for.
#[derive(Debug)]
pub(super) struct SeenCall {
    seen: Seen,
    route: Option<String>,
    caller_known: bool,
}

impl Seen {
    pub(super) fn of(self, call: &Call) -> SeenCall {
        SeenCall { seen: self, route: call.route.clone(), caller_known: call.caller.subject.is_some() }
    }
}

impl SeenCall {
    /// Everything, as the answer tells it.
    pub(super) fn and_became(&self, outcome: &Outcome) -> Value {
        let Seen { exact_bytes, deadline, longest } = &self.seen;
        json!({
            "parked": outcome.approval().is_some(),
            "exact_bytes": exact_bytes,
            "deadline_ms": deadline.map(|deadline| deadline.as_millis()),
            "longest_hold_ms": longest.as_millis(),
            "route": self.route,
            "caller_known": self.caller_known,
        })
    }
}
