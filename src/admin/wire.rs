//! An approval as the API writes it. Fields of its own: what is recorded may change without breaking who reads this.

mod timeline;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

pub(super) use self::timeline::events;
use self::timeline::{EventJson, timeline};
use super::openapi::{
    FingerprintText, IdText, IncarnationText, QueueText, ReasonCodeWord, StateWord, VerbWord,
};
use super::standing::approvals_given;
use crate::domain::act::Act;
use crate::domain::approval::{Approval, Cancellation, HeldRequest, State};
use crate::domain::authority::may_decide;
use crate::domain::claim::claims;
use crate::domain::decision::{ReasonCode, Reviewer, Vote};
use crate::domain::json::Json;
use crate::domain::redaction::Redacted;
use crate::domain::ruling::{Reason, Terms};

/// An approval, as seen by one reviewer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Approval)]
pub(super) struct ApprovalJson {
    #[schema(value_type = IdText)]
    id: String,
    #[schema(value_type = StateWord)]
    state: &'static str,
    #[schema(value_type = QueueText)]
    queue: String,
    rule: String,
    title: Option<String>,
    risk: Option<String>,
    #[schema(value_type = FingerprintText)]
    fingerprint: String,
    call: CallJson,
    request: RequestJson,
    route: Option<String>,
    session: Option<String>,
    caller: CallerJson,
    created_at: Timestamp,
    deadline: Timestamp,
    grant_until: Option<Timestamp>,
    settled_at: Option<Timestamp>,
    cancellation: Option<&'static str>,
    waiting: bool,
    left_at: Option<Timestamp>,
    approvals_needed: u8,
    approvals_given: usize,
    reviewers: Vec<String>,
    /// The groups out of which somebody has still to approve; empty where anyone who may review will do.
    eligible_reviewers: Vec<String>,
    /// So many people out of each group, where the rule says so.
    quorum: Option<BTreeMap<String, u8>>,
    reason_required: bool,
    votes: Vec<VoteJson>,
    /// So many of the first votes no longer count: reviewers are asked again.
    void_votes: usize,
    /// The approval past the rule, where there was one.
    broken_glass: Option<GlassJson>,
    /// What people did beside voting, in that order.
    acts: Vec<ActJson>,
    /// What happened, as far as the record knows; the earliest first.
    timeline: Vec<EventJson>,
    /// The life of the store that this was read from; a decision sends it back.
    #[schema(value_type = IncarnationText)]
    incarnation: String,
    may_have_run: bool,
    trace: Option<String>,
    redactions: Vec<RedactionJson>,
    /// What the agent says about its call. Nobody has checked it.
    claims: Vec<ClaimJson>,
    can_decide: bool,
    cannot_decide_reason: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Call)]
struct CallJson {
    method: String,
    tool: Option<String>,
    #[schema(value_type = serde_json::Value)]
    arguments: Box<RawValue>,
    body: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Request)]
struct RequestJson {
    method: String,
    path: String,
    host: String,
    #[schema(value_type = BTreeMap<String, String>)]
    headers: Headers,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Caller)]
struct CallerJson {
    subject: Option<String>,
    actors: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Claim)]
struct ClaimJson {
    path: String,
    text: String,
}

/// What the call lacks of what came.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Redaction)]
struct RedactionJson {
    path: String,
    how: &'static str,
}

fn redactions(redacted: &Redacted) -> Vec<RedactionJson> {
    let dropped = redacted.dropped.iter().map(|path| (path, "dropped"));
    let masked = redacted.masked.iter().map(|(path, _)| (path, "masked"));
    dropped.chain(masked).map(|(path, how)| RedactionJson { path: path.clone(), how }).collect()
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Vote)]
struct VoteJson {
    reviewer: String,
    verdict: &'static str,
    reason: Option<String>,
    #[schema(value_type = Option<ReasonCodeWord>)]
    reason_code: Option<&'static str>,
    at: Timestamp,
}

/// The headers of a request, as an object.
pub(super) type Headers = serde_json::Map<String, serde_json::Value>;

impl ApprovalJson {
    /// This approval, for this reviewer.
    pub(super) fn of(approval: &Approval, reviewer: &Reviewer) -> Self {
        let held = &approval.held;
        let cannot = may_decide(reviewer, approval).err();
        Self {
            id: approval.id.to_string(),
            state: approval.state.kind().as_str(),
            queue: approval.id.queue().to_string(),
            rule: held.terms.rule.clone(),
            title: held.terms.title.clone(),
            risk: held.terms.risk.clone(),
            fingerprint: held.fingerprint.to_string(),
            call: CallJson {
                method: held.method.clone(),
                tool: held.tool.clone(),
                arguments: raw(&held.arguments()),
                body: held.body.clone(),
            },
            request: RequestJson {
                method: held.request.method.clone(),
                path: held.request.target.clone(),
                host: held.request.host.clone(),
                headers: headers(&held.request),
            },
            route: held.route.clone(),
            session: held.session.clone(),
            caller: CallerJson {
                subject: held.caller.subject.as_ref().map(ToString::to_string),
                actors: held.caller.actors.iter().map(ToString::to_string).collect(),
            },
            created_at: approval.created_at,
            deadline: approval.deadline,
            grant_until: match approval.state {
                State::Approved { until, .. } => Some(until),
                _ => None,
            },
            settled_at: approval.state.settled_at(),
            cancellation: match approval.state {
                State::Cancelled { why: Cancellation::CallerLeft, .. } => Some("caller_left"),
                State::Cancelled { why: Cancellation::GrantUnused, .. } => Some("grant_unused"),
                State::Cancelled { why: Cancellation::ByHand, .. } => Some("by_hand"),
                State::Cancelled { why: Cancellation::Revoked, .. } => Some("revoked"),
                _ => None,
            },
            waiting: approval.is_waited_for(),
            left_at: approval.left_at,
            approvals_needed: held.terms.approvals,
            approvals_given: approvals_given(approval),
            reviewers: held.terms.reviewers.iter().map(ToString::to_string).collect(),
            eligible_reviewers: approval.groups_missing().iter().map(ToString::to_string).collect(),
            quorum: quorum(&held.terms),
            reason_required: held.terms.reason == Reason::Required,
            votes: approval.votes.iter().map(VoteJson::of).collect(),
            void_votes: approval.void,
            broken_glass: approval.broken_glass().map(GlassJson::of),
            acts: approval.acts.iter().map(ActJson::of).collect(),
            timeline: timeline(approval),
            incarnation: approval.seen_in.to_string(),
            may_have_run: approval.may_have_run(),
            trace: held.trace.clone(),
            redactions: redactions(&held.redacted),
            claims: claims(held).into_iter().map(|(path, text)| ClaimJson { path, text }).collect(),
            can_decide: cannot.is_none(),
            cannot_decide_reason: cannot.map(|why| why.to_string()),
        }
    }

    /// The word for its state.
    pub(super) fn state(&self) -> &'static str {
        self.state
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BrokenGlass)]
struct GlassJson {
    by: String,
    ticket: Option<String>,
    reason: Option<String>,
    at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Act)]
struct ActJson {
    by: String,
    #[schema(value_type = VerbWord)]
    verb: &'static str,
    reason: Option<String>,
    at: Timestamp,
}

impl GlassJson {
    fn of(vote: &Vote) -> Self {
        let (by, ticket, reason) = (vote.reviewer.to_string(), vote.ticket.clone(), vote.reason.clone());
        Self { by, ticket, reason, at: vote.at }
    }
}

impl ActJson {
    fn of(act: &Act) -> Self {
        Self { by: act.by.to_string(), verb: act.verb.as_str(), reason: act.reason.clone(), at: act.at }
    }
}

impl VoteJson {
    fn of(vote: &Vote) -> Self {
        Self {
            reviewer: vote.reviewer.to_string(),
            verdict: vote.verdict.as_str(),
            reason: vote.reason.clone(),
            reason_code: vote.reason_code.map(ReasonCode::as_str),
            at: vote.at,
        }
    }
}

fn quorum(terms: &Terms) -> Option<BTreeMap<String, u8>> {
    let shares = terms.shares.iter().map(|share| (share.group.to_string(), share.people));
    (!terms.shares.is_empty()).then(|| shares.collect())
}

/// JSON as it was sent: going through `serde_json::Value` would rewrite its numbers.
pub(super) fn raw(json: &Json) -> Box<RawValue> {
    RawValue::from_string(json.text()).expect("what was read as JSON is written as JSON")
}

/// The headers that the record holds.
pub(super) fn headers(request: &HeldRequest) -> Headers {
    request.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()
}
