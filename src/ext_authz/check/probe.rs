//! A probe: held like a call and refused, and what the answer tells of how the gateway shows requests to this service.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Gate, NO_TEXT, Next, before};
use crate::domain::approval::Held;
use crate::domain::message::Message;
use crate::domain::outcome::Outcome;
use crate::domain::ruling::Terms;
use crate::ext_authz::path;
use crate::ext_authz::proto::CheckResponse;
use crate::ext_authz::request::{Body, HttpRequest, Vouched};
use crate::ext_authz::response::{self, Asker};

/// What was seen of one request.
#[derive(Debug)]
pub(super) struct Seen {
    /// Whether the body came as bytes, and not as a string that the gateway has decoded.
    exact_bytes: bool,
    /// When the gateway gives up.
    deadline: Option<Duration>,
    /// How long a rule holds a call at most.
    longest: Duration,
    route: Option<String>,
    caller_known: bool,
}

impl Gate {
    /// What is kept of a probe, and what was seen of it. Policy is not asked: nobody should have to write a rule for it.
    pub(super) fn probed(
        &self,
        http: HttpRequest,
        vouched: &Vouched,
        message: &Message,
        terms: Terms,
        deadline: Option<Duration>,
    ) -> Next {
        let exact_bytes = matches!(http.body, Body::Raw(_));
        let path = match path::path(&http.path) {
            Ok(path) => path,
            Err(ambiguous) => return self.malformed(Some(&http.path), &ambiguous),
        };
        let (call, body) = self.call(http, path, vouched);
        let Some(body) = body.into_text() else {
            return self.malformed(Some(&call.request.target), &NO_TEXT);
        };
        let (route, caller_known) = (call.route.clone(), call.caller.subject.is_some());
        let seen = Seen { exact_bytes, deadline, longest: self.longest, route, caller_known };
        let asker = Asker::of(message, terms.form);
        Next::Probe(Box::new((self.held(call, message.clone(), body, terms), seen, asker)))
    }

    /// Holds it; whatever becomes of it, it is refused.
    pub(super) async fn hold_probe(
        &self,
        (held, seen, asker): (Arc<Held>, Seen, Asker),
        arrived: Instant,
        deadline: Option<Duration>,
    ) -> CheckResponse {
        let end = arrived + held.terms.hold.min(before(deadline));
        let outcome = self.approvals.hold(held, None, end).await;
        response::probed(&asker, outcome.approval(), &seen.and_became(&outcome))
    }
}

impl Seen {
    /// Everything, as the answer tells it.
    fn and_became(&self, outcome: &Outcome) -> Value {
        json!({
            "parked": outcome.approval().is_some(),
            "exact_bytes": self.exact_bytes,
            "deadline_ms": self.deadline.map(|deadline| deadline.as_millis()),
            "longest_hold_ms": self.longest.as_millis(),
            "route": self.route,
            "caller_known": self.caller_known,
        })
    }
}
