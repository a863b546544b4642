//! `Check`: what becomes of one request.

mod call;
mod probe;
mod refusal;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};
use tonic::metadata::MetadataMap;

use self::probe::Seen;
use super::mcp::Unreadable;
use super::proto::authorization_server::Authorization;
use super::proto::{CheckRequest, CheckResponse};
use super::request::{self, Body, Headers, HttpRequest, Vouched};
use super::response::{self, Asker};
use super::{mcp, path};
use crate::approvals::Approvals;
use crate::config::{IdentityConfig, LeaveParked};
use crate::domain::approval::{Held, Origin};
use crate::domain::call::Call;
use crate::domain::ids::{ApprovalId, RequestKey};
use crate::domain::message::{Asked, Message};
use crate::domain::outcome::{Outcome, StillOpen};
use crate::domain::policy::{Because, Policy};
use crate::domain::probe as reserved;
use crate::domain::ruling::{Ruling, Terms};
use crate::telemetry::{self, Span, metrics};

/// How much sooner than the gateway gives up an answer is sent: better our words than its empty 403.
const MARGIN: Duration = Duration::from_millis(500);

/// Why a body that was read cannot be shown to anybody.
const NO_TEXT: &str = "the body is not text";

const LEGACY_SSE: &str = "a call that needs approval cannot come over the HTTP+SSE transport of 2024-11-05, whose answers go \
                          another way: use Streamable HTTP";

/// Rules on every request that a gateway asks about, and holds those that a person has to decide.
pub struct Gate {
    policy: Policy,
    approvals: Arc<Approvals>,
    settings: Settings,
    /// How long a rule holds a call at most.
    longest: Duration,
}

/// How the gate reads and answers.
pub struct Settings {
    /// Who calls, and by which route.
    pub identity: IdentityConfig,
    /// The largest request body that is read, in bytes.
    pub max_body: usize,
    /// Request headers that are kept with a held call, in lower case.
    pub keep_headers: Vec<String>,
    /// How calls are answered that are parked when this replica leaves.
    pub leave_parked: LeaveParked,
    /// Where reviewers find the queue, for links in what agents are told.
    pub reviewers_url: Option<String>,
}

/// What is to be done with a request. Small, because it has its place in the future of a call that waits.
enum Next {
    /// The answer is known.
    Answer(Box<CheckResponse>),
    /// A person is asked.
    Hold(Box<(Arc<Held>, Option<Origin>, Asker)>),
    /// It is a probe: held like a call, and refused.
    Probe(Box<(Arc<Held>, Seen, Asker)>),
}

impl Gate {
    /// A gate that rules by this policy.
    pub fn new(policy: Policy, approvals: Arc<Approvals>, settings: Settings) -> Self {
        let longest = policy.terms().map(|terms| terms.hold).max().unwrap_or_default();
        Self { policy, approvals, settings, longest }
    }

    async fn answer(
        &self,
        metadata: MetadataMap,
        check: CheckRequest,
    ) -> Result<CheckResponse, tonic::Status> {
        let arrived = Instant::now();
        let (span, next, deadline) = self.consider(&metadata, check);
        drop(metadata);
        // The canary's probes say nothing of a gateway.
        if !matches!(next, Next::Probe(_)) {
            self.approvals.asked();
        }
        span.around(self.finish(next, arrived, deadline)).await
    }

    /// Reads the request and rules on it. Nothing of it is kept unless a person is asked.
    fn consider(&self, metadata: &MetadataMap, check: CheckRequest) -> (Span, Next, Option<Duration>) {
        let (http, vouched) = match request::read(check) {
            Ok(read) => read,
            Err(unclear) => {
                let span = Span::asked_by(request::trace_context(metadata, &Headers::default()));
                let next = span.within(|| self.malformed(None, &unclear));
                return (span, next, None);
            }
        };
        let deadline = request::deadline(metadata, &http.headers);
        let span = Span::asked_by(request::trace_context(metadata, &http.headers));
        let asked = mcp::read(&http, self.settings.max_body);
        if let Ok(Asked::Message(message)) = &asked
            && let Some(terms) = reserved::terms(message, self.longest)
        {
            let span = span.untold();
            let next = span.within(|| self.probed(http, &vouched, message, terms, deadline));
            return (span, next, deadline);
        }
        let next = span.within(|| self.ruled(http, &vouched, asked));
        (span, next, deadline)
    }

    fn ruled(&self, http: HttpRequest, vouched: &Vouched, asked: Result<Asked, Unreadable>) -> Next {
        let asked = match asked {
            Ok(asked) => asked,
            Err(unreadable) => return self.unreadable(&http.path, &unreadable),
        };
        let path = match path::path(&http.path) {
            Ok(path) => path,
            Err(ambiguous) => return self.malformed(Some(&http.path), &ambiguous),
        };
        let (call, body) = self.call(http, path, vouched);
        if let Asked::Message(message) = &asked {
            telemetry::asked(&call, message);
        }
        let ruled = self.policy.rule(&call, &asked);
        if let Because::Unsure { rule, error } = &ruled.because {
            tracing::warn!(rule, error, "a rule could not be evaluated");
        }
        match (ruled.ruling, asked) {
            (Ruling::Pass, asked) => {
                self.withdrawn(&call, &asked);
                Next::Answer(Box::new(response::pass()))
            }
            (Ruling::Deny(denial), asked) => self.denied(&call, &denial, &asked),
            (Ruling::Hold(terms), Asked::Message(message)) => self.to_hold(call, message, body, terms),
            // There is no message to show and no call to bind an approval to.
            (Ruling::Hold(_), Asked::Nothing | Asked::Response) => {
                let why = "policy holds this request, but only a message can be held";
                self.malformed(Some(&call.request.target), &why)
            }
        }
    }

    fn to_hold(&self, call: Call, message: Message, body: Body, terms: Terms) -> Next {
        if path::is_legacy_sse(&call.request.target) {
            return self.malformed(Some(&call.request.target), &LEGACY_SSE);
        }
        let Some(body) = body.into_text() else {
            return self.malformed(Some(&call.request.target), &NO_TEXT);
        };
        let asker = Asker::of(&message, terms.form);
        let origin = call::origin(&call, &message);
        Next::Hold(Box::new((self.held(call, message, body, terms), origin, asker)))
    }

    /// An agent that cancels a request, or ends its session, no longer waits, though its connection may stay open.
    fn withdrawn(&self, call: &Call, asked: &Asked) {
        let Some(session) = call.session else { return };
        match asked {
            Asked::Message(message) if message.method == "notifications/cancelled" => {
                if let Some(id) = message.params.get("requestId") {
                    self.approvals.withdraw(session, Some(RequestKey::of(&[&id.text()])));
                }
            }
            Asked::Nothing if call.request.method == "DELETE" => self.approvals.withdraw(session, None),
            _ => {}
        }
    }

    async fn finish(
        &self,
        next: Next,
        arrived: Instant,
        deadline: Option<Duration>,
    ) -> Result<CheckResponse, tonic::Status> {
        match next {
            Next::Answer(response) => {
                metrics().answered_at_once(arrived.elapsed());
                Ok(*response)
            }
            Next::Hold(asked) => self.hold(*asked, arrived, deadline).await,
            Next::Probe(probe) => Ok(self.hold_probe(*probe, arrived, deadline).await),
        }
    }

    async fn hold(
        &self,
        (held, origin, asker): (Arc<Held>, Option<Origin>, Asker),
        arrived: Instant,
        deadline: Option<Duration>,
    ) -> Result<CheckResponse, tonic::Status> {
        let gives_up = deadline.map(|deadline| arrived + deadline);
        let end = arrived + held.terms.hold.min(before(deadline));
        let outcome = self.approvals.hold(held, origin, end);
        let outcome = match gives_up {
            // Nobody reads a later answer, however long the store takes.
            Some(gives_up) => timeout_at(gives_up, outcome).await.unwrap_or(Outcome::StoreUnavailable),
            None => outcome.await,
        };
        if gives_up.is_some_and(|gives_up| Instant::now() >= gives_up) {
            return Ok(response::malformed("the gateway's deadline has passed"));
        }
        if matches!(outcome, Outcome::Pending { why: StillOpen::Draining, .. })
            && self.settings.leave_parked == LeaveParked::Unavailable
        {
            return Err(tonic::Status::unavailable("this replica leaves: ask another one"));
        }
        Ok(response::outcome(&asker, &outcome, |approval| self.link(approval)))
    }

    fn link(&self, approval: &ApprovalId) -> Option<String> {
        self.settings.reviewers_url.as_ref().map(|url| format!("{}/a/{approval}", url.trim_end_matches('/')))
    }
}

/// A little before the gateway gives up, also where it does so soon.
fn before(deadline: Option<Duration>) -> Duration {
    deadline.map_or(Duration::MAX, |deadline| deadline - MARGIN.min(deadline / 10))
}

#[tonic::async_trait]
impl Authorization for Gate {
    /// Answers with a response, whatever happens: a gRPC error would leave it to the gateway's failure mode whether the
    /// request goes on. The one exception is a setting ([`LeaveParked::Unavailable`]).
    async fn check(
        &self,
        request: tonic::Request<CheckRequest>,
    ) -> Result<tonic::Response<CheckResponse>, tonic::Status> {
        let (metadata, _, check) = request.into_parts();
        let answer = AssertUnwindSafe(self.answer(metadata, check)).catch_unwind().await;
        let answer = answer.unwrap_or_else(|_| {
            tracing::error!("a Check panicked and was refused");
            Ok(response::malformed("an error inside the approval service"))
        });
        answer.map(tonic::Response::new)
    }
}
