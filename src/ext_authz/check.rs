//! `Check`: what becomes of one request.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};
use tonic::metadata::MetadataMap;

use super::probe::{Seen, SeenCall};
use super::proto::authorization_server::Authorization;
use super::proto::{CheckRequest, CheckResponse};
use super::request::{self, Body, Headers, HttpRequest, Vouched};
use super::response::{self, Asker};
use super::{identity, mcp, path};
use crate::approvals::Approvals;
use crate::config::{IdentityConfig, LeaveParked};
use crate::domain::approval::{Held, HeldRequest, Origin};
use crate::domain::audit::{Event, Note};
use crate::domain::call::{Call, Caller, Request};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ApprovalId, RequestKey, SessionKey};
use crate::domain::message::{Asked, Message};
use crate::domain::outcome::{Outcome, StillOpen};
use crate::domain::policy::{Because, Policy};
use crate::domain::probe;
use crate::domain::ruling::{Denial, Ruling, Terms};
use crate::telemetry::{self, Span, metrics};

/// How much sooner than the gateway gives up an answer is sent: better our words than its empty 403.
const MARGIN: Duration = Duration::from_millis(500);

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
    Hold(Arc<Held>, Option<Origin>, Asker),
    /// It is a probe: held like a call, and refused.
    Probe(Arc<Held>, Box<SeenCall>, Asker),
}

impl Next {
    fn answer(response: CheckResponse) -> Self {
        Self::Answer(Box::new(response))
    }
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
        if !matches!(next, Next::Probe(..)) {
            self.approvals.asked();
        }
        span.around(self.finish(next, arrived, deadline)).await
    }

    async fn finish(
        &self,
        next: Next,
        arrived: Instant,
        deadline: Option<Duration>,
    ) -> Result<CheckResponse, tonic::Status> {
        let answer_within = deadline.map_or(Duration::MAX, before);
        let (held, origin, asker) = match next {
            Next::Answer(response) => {
                metrics().answered_at_once(arrived.elapsed());
                return Ok(*response);
            }
            Next::Hold(held, origin, asker) => (held, origin, asker),
            Next::Probe(held, seen, asker) => {
                let end = arrived + held.terms.hold.min(answer_within);
                let outcome = self.approvals.hold(held, None, end).await;
                return Ok(response::probed(&asker, outcome.approval(), &seen.and_became(&outcome)));
            }
        };
        let gives_up = deadline.map(|deadline| arrived + deadline);
        let hold = held.terms.hold.min(answer_within);
        let outcome = self.approvals.hold(held, origin, arrived + hold);
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

    /// Reads the request and rules on it. Nothing of it is kept unless a person is asked.
    fn consider(&self, metadata: &MetadataMap, check: CheckRequest) -> (Span, Next, Option<Duration>) {
        let (http, vouched) = match request::read(check) {
            Ok(read) => read,
            Err(unclear) => {
                let span = Span::asked_by(request::trace_context(metadata, &Headers::default()));
                let refusal = span.within(|| response::malformed(&unclear.to_string()));
                return (span, Next::answer(refusal), None);
            }
        };
        let deadline = request::deadline(metadata, &http.headers);
        let span = Span::asked_by(request::trace_context(metadata, &http.headers));
        let seen = Seen { exact_bytes: matches!(http.body, Body::Raw(_)), deadline, longest: self.longest };
        let next = span.within(|| self.ruled(http, &vouched, seen));
        (span, next, deadline)
    }

    fn ruled(&self, http: HttpRequest, vouched: &Vouched, seen: Seen) -> Next {
        let asked = match mcp::read(&http, self.settings.max_body) {
            Ok(asked) => asked,
            Err(unreadable) => {
                let path = http.path.split('?').next();
                tracing::info!(%unreadable, path, "refused");
                self.approvals
                    .note(Note::new(Event::Denied).with("code", unreadable.reason_code()).with("path", path));
                return Next::answer(response::unreadable(&unreadable));
            }
        };
        let path = match path::path(&http.path) {
            Ok(path) => path,
            Err(ambiguous) => return Next::answer(response::malformed(&ambiguous.to_string())),
        };
        let caller = identity::caller(&self.settings.identity, vouched, &http.headers);
        let session = http.headers.all("mcp-session-id").next().map(|session| session_key(&caller, session));
        let call = Call {
            caller,
            route: identity::route(&self.settings.identity, vouched, &http.headers),
            session,
            request: Request {
                method: http.method,
                target: http.path,
                path,
                host: http.host,
                headers: http.headers.0,
            },
        };
        if let Asked::Message(message) = &asked
            && let Some(terms) = probe::terms(message, self.longest)
        {
            let Some(body) = http.body.into_text() else {
                return Next::answer(response::malformed("the body is not text"));
            };
            let (asker, seen) = (Asker::of(message, terms.form), seen.of(&call));
            return Next::Probe(self.held(call, message.clone(), body, terms), Box::new(seen), asker);
        }
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
                Next::answer(response::pass())
            }
            (Ruling::Deny(denial), Asked::Message(message)) => {
                tracing::info!(rule = denial.rule, method = message.method, "denied");
                self.approvals.note(denied(&call, &denial).with("method", message.method.clone()));
                Next::answer(response::denied(&Asker::of(&message, denial.form), &denial))
            }
            (Ruling::Deny(denial), Asked::Nothing | Asked::Response) => {
                tracing::info!(rule = denial.rule, "denied");
                self.approvals.note(denied(&call, &denial));
                Next::answer(response::malformed(&denial.reason))
            }
            (Ruling::Hold(_), Asked::Message(_)) if path::is_legacy_sse(&call.request.target) => {
                Next::answer(response::malformed(
                    "a call that needs approval cannot come over the HTTP+SSE transport of 2024-11-05, whose answers go \
                     another way: use Streamable HTTP",
                ))
            }
            (Ruling::Hold(terms), Asked::Message(message)) => {
                let asker = Asker::of(&message, terms.form);
                match http.body.into_text() {
                    Some(body) => {
                        let origin = origin(&call, &message);
                        Next::Hold(self.held(call, message, body, terms), origin, asker)
                    }
                    None => Next::answer(response::malformed("the body is not text")),
                }
            }
            // There is no message to show and no call to bind an approval to.
            (Ruling::Hold(_), Asked::Nothing | Asked::Response) => {
                Next::answer(response::malformed("policy holds this request, but only a message can be held"))
            }
        }
    }

    fn held(&self, call: Call, message: Message, body: String, terms: Terms) -> Arc<Held> {
        let fingerprint = Fingerprint::of(&call, &message, &terms);
        let Call { caller, request, route, session } = call;
        let Request { method, target, path: _, host, mut headers } = request;
        headers.retain(|(name, _)| {
            self.settings.keep_headers.iter().any(|kept| kept.eq_ignore_ascii_case(name))
        });
        let (body, redacted) = terms.redaction.apply(body);
        let target = terms.redaction.text(&target);
        headers.iter_mut().for_each(|(_, value)| *value = terms.redaction.text(value));
        Arc::new(Held {
            fingerprint,
            caller,
            terms,
            method: message.method,
            tool: message.tool.map(|tool| tool.name),
            body,
            request: HeldRequest { method, target, host, headers },
            route,
            session: session.map(|session| session.to_string()),
            trace: telemetry::current().map(|span| span.to_string()),
            redacted,
        })
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

    fn link(&self, approval: &ApprovalId) -> Option<String> {
        self.settings.reviewers_url.as_ref().map(|url| format!("{}/a/{approval}", url.trim_end_matches('/')))
    }
}

/// That policy refused a call and nobody was asked.
fn denied(call: &Call, denial: &Denial) -> Note {
    let caller = call.caller.subject.as_ref().map(ToString::to_string);
    let note = Note::new(Event::Denied).with("code", "policy").with("rule", denial.rule.clone());
    note.with("path", call.request.path.clone()).with("caller", caller)
}

/// A little before the gateway gives up, also where it does so soon.
fn before(deadline: Duration) -> Duration {
    deadline - MARGIN.min(deadline / 10)
}

fn session_key(caller: &Caller, session: &str) -> SessionKey {
    SessionKey::of(&[&caller.key().to_string(), session])
}

/// Which request an attempt answers to; none outside a session or without an id.
fn origin(call: &Call, message: &Message) -> Option<Origin> {
    let request = RequestKey::of(&[&message.id.as_ref()?.text()]);
    Some(Origin { session: call.session?, request })
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
