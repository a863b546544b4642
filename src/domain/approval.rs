//! The record of one held call, and every change that it can go through.
//!
//! The rules stand here once, pure; the in-memory store applies them as they are, the Redis store states them again in
//! Lua because they have to run where the data lives. The store's contract suite holds both to the same behaviour.

mod acts;
mod timeline;
mod transitions;

use std::sync::Arc;

use jiff::Timestamp;

pub use self::acts::MOST_EXTENSIONS;
pub use self::timeline::Happened;
pub use self::transitions::{CLAIM_WINDOW, VoteRefused};
use super::act::Act;
use super::call::Caller;
use super::decision::{Membership, Verdict, Vote};
use super::fingerprint::Fingerprint;
use super::ids::{ApprovalId, AttemptId, Group, Incarnation, ReplicaId, RequestKey, SessionKey, UsageKey};
use super::json::Json;
use super::quorum::Marks;
use super::redaction::Redacted;
use super::ruling::Terms;

/// What was asked, written once when the call is parked and never changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Binds the approval to exactly this call.
    pub fingerprint: Fingerprint,
    /// On whose behalf.
    pub caller: Caller,
    /// The terms on which the call is held.
    pub terms: Terms,
    /// The JSON-RPC method.
    pub method: String,
    /// The tool, where the method is `tools/call`.
    pub tool: Option<String>,
    /// The JSON-RPC message, byte for byte as it came, unless something is redacted: what is shown is what would run.
    pub body: String,
    /// The HTTP request that carries it.
    pub request: HeldRequest,
    /// The route or backend, where the gateway names it.
    pub route: Option<String>,
    /// A digest of the MCP session's id, where there is one.
    pub session: Option<String>,
    /// The W3C `traceparent` of the Check: of our span, or of the gateway's where we export none.
    pub trace: Option<String>,
    /// What the body lacks of what came.
    pub redacted: Redacted,
}

/// The part of the HTTP request that is kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeldRequest {
    /// The HTTP method.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The host.
    pub host: String,
    /// The headers on the allow-list.
    pub headers: Vec<(String, String)>,
}

impl Held {
    /// All parameters of the call.
    pub fn params(&self) -> Json {
        let message = Json::read(self.body.as_bytes()).unwrap_or(Json::Null);
        message.get("params").cloned().unwrap_or_else(Json::empty_object)
    }

    /// Which caller uses which tool here.
    pub fn usage(&self) -> UsageKey {
        let tool = self.tool.as_deref().unwrap_or_default();
        UsageKey::of(&[&self.caller.key().to_string(), &self.method, tool])
    }

    /// The arguments of the tool, or all parameters where the method is another than `tools/call`.
    pub fn arguments(&self) -> Json {
        let params = self.params();
        match self.tool {
            Some(_) => params.get("arguments").cloned().unwrap_or_else(Json::empty_object),
            None => params,
        }
    }
}

/// The record of one held call.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// Rises with every change.
    pub seq: u64,
    /// Rises with every change of holder.
    pub epoch: u64,
    /// What was asked.
    pub held: Arc<Held>,
    /// Where it stands.
    pub state: State,
    /// The attempt that waits for it; none once the caller has left.
    pub holder: Option<Holder>,
    /// When the last holder left, where none waits.
    pub left_at: Option<Timestamp>,
    /// The votes, in the order in which they came.
    pub votes: Vec<Vote>,
    /// So many of the first votes are void, because reviewers were asked again; see [`Approval::reconfirm`].
    pub void: usize,
    /// The life of the store that recorded the votes that count, and the only one that may release the call.
    pub under: Option<Incarnation>,
    /// What people did to it beside voting, in the order in which they did it.
    pub acts: Vec<Act>,
    /// The life of the store that it was parked in.
    pub parked_in: Incarnation,
    /// The life of the store that it was read from, just now.
    pub seen_in: Incarnation,
    /// When it was parked, by the store's clock.
    pub created_at: Timestamp,
    /// When it ends unless decided before.
    pub deadline: Timestamp,
}

/// The attempt that waits for an approval, and the replica that it waits on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its replica.
    pub replica: ReplicaId,
    /// The request that it is, where a withdrawal can name it.
    pub origin: Option<Origin>,
}

/// The MCP request that an attempt answers to, as digests: by caller, session and request id, an agent can withdraw
/// what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Caller and session.
    pub session: SessionKey,
    /// The JSON-RPC id within it.
    pub request: RequestKey,
}

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Open for votes.
    Pending,
    /// Enough people approved; not yet released.
    Approved {
        /// Since when.
        at: Timestamp,
        /// Until when it may be claimed or redeemed.
        until: Timestamp,
    },
    /// The call was let through, once.
    Released {
        /// When.
        at: Timestamp,
        /// The attempt that was let through.
        attempt: AttemptId,
    },
    /// Somebody rejected it; the last vote says who and why.
    Rejected {
        /// When.
        at: Timestamp,
    },
    /// Nobody decided in time.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// It ended without a decision that counts.
    Cancelled {
        /// When.
        at: Timestamp,
        /// Why.
        why: Cancellation,
    },
}

/// Why an approval was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    /// The caller left, and the rule has `late: off`.
    CallerLeft,
    /// It was approved, and nobody made the call again in time.
    GrantUnused,
    /// A person cancelled it before it was decided.
    ByHand,
    /// It was approved, and a person took that back before the call was let through.
    Revoked,
}

/// Why an attempt no longer waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// The caller hung up.
    CallerGone,
    /// The attempt was held as long as it may be.
    HoldOver,
    /// The replica shuts down.
    Draining,
}

impl Departure {
    /// The word for it, as records and audit write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CallerGone => "caller-gone",
            Self::HoldOver => "hold-over",
            Self::Draining => "draining",
        }
    }
}

/// The states without what comes with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StateKind {
    /// See [`State::Pending`].
    Pending,
    /// See [`State::Approved`].
    Approved,
    /// See [`State::Released`].
    Released,
    /// See [`State::Rejected`].
    Rejected,
    /// See [`State::Expired`].
    Expired,
    /// See [`State::Cancelled`].
    Cancelled,
}

impl StateKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Approved, Self::Released, Self::Rejected, Self::Expired, Self::Cancelled];

    /// The word for it, as records, API and page write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Released => "released",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl State {
    /// The state without what comes with it.
    pub fn kind(&self) -> StateKind {
        match self {
            Self::Pending => StateKind::Pending,
            Self::Approved { .. } => StateKind::Approved,
            Self::Released { .. } => StateKind::Released,
            Self::Rejected { .. } => StateKind::Rejected,
            Self::Expired { .. } => StateKind::Expired,
            Self::Cancelled { .. } => StateKind::Cancelled,
        }
    }

    /// When the approval ended; none while it can still change.
    pub fn settled_at(&self) -> Option<Timestamp> {
        match *self {
            Self::Pending | Self::Approved { .. } => None,
            Self::Released { at, .. }
            | Self::Rejected { at }
            | Self::Expired { at }
            | Self::Cancelled { at, .. } => Some(at),
        }
    }
}

impl Approval {
    /// When [`Approval::lapse`] will end it; none once it has ended.
    pub fn due(&self) -> Option<Timestamp> {
        match self.state {
            State::Pending => Some(self.deadline),
            State::Approved { until, .. } => Some(until),
            _ => None,
        }
    }

    /// Whether it is open and somebody waits for it.
    pub fn is_waited_for(&self) -> bool {
        self.state.settled_at().is_none() && self.holder.is_some()
    }

    /// Whether the call may have run already, although the record is open: it is older than this life of the store, and
    /// the life before may have had a decision and a release that this one never saw.
    pub fn may_have_run(&self) -> bool {
        self.state.settled_at().is_none() && (self.parked_in != self.seen_in || self.void > 0)
    }

    /// How many more people have to approve.
    pub fn approvals_missing(&self) -> usize {
        self.held.terms.missing(self.approvers())
    }

    /// Out of which groups somebody has still to approve. Empty where anyone who may review will do, and where nobody is
    /// missing.
    pub fn groups_missing(&self) -> Vec<Group> {
        let terms = &self.held.terms;
        let missing = self.approvals_missing();
        let helps = |group: &&Group| {
            let one_more = terms.marks(&Membership::Groups(vec![(*group).clone()]));
            terms.missing(self.approvers().chain([&one_more])) < missing
        };
        terms.reviewers.iter().filter(helps).cloned().collect()
    }

    /// The marks of the approvals that stand.
    fn approvers(&self) -> impl Iterator<Item = &Marks> + Clone {
        let approvals = self.standing_votes().iter().filter(|vote| vote.verdict == Verdict::Approve);
        approvals.map(|vote| &vote.marks)
    }

    /// The votes that count.
    pub fn standing_votes(&self) -> &[Vote] {
        &self.votes[self.void.min(self.votes.len())..]
    }

    /// The vote that approved it past the rule, where one did.
    pub fn broken_glass(&self) -> Option<&Vote> {
        self.standing_votes().iter().find(|vote| vote.ticket.is_some())
    }

    /// What a person did to it last, beside voting.
    pub fn last_act(&self) -> Option<&Act> {
        self.acts.last()
    }

    /// The vote that ended it, where a person did.
    pub fn deciding_vote(&self) -> Option<&Vote> {
        match self.state {
            State::Approved { .. } | State::Released { .. } | State::Rejected { .. } => self.votes.last(),
            _ => None,
        }
    }

    /// Whether people decided it this way, whatever became of it.
    pub fn was_decided(&self, verdict: Verdict) -> bool {
        match self.state {
            State::Approved { .. }
            | State::Released { .. }
            | State::Cancelled { why: Cancellation::GrantUnused, .. } => verdict == Verdict::Approve,
            State::Rejected { .. } => verdict == Verdict::Reject,
            State::Pending | State::Expired { .. } | State::Cancelled { .. } => false,
        }
    }

    /// The proof that this record lets this attempt through; none unless the store says so.
    pub fn release(&self, attempt: AttemptId, fingerprint: &Fingerprint) -> Option<Release> {
        match self.state {
            State::Released { attempt: released, .. }
                if released == attempt && *fingerprint == self.held.fingerprint =>
            {
                Some(Release { approval: self.id.clone(), by: Box::new(self.deciding_vote()?.clone()) })
            }
            _ => None,
        }
    }
}

/// The proof that an approved call may go on. It can only be made by [`Approval::release`], out of a record that a
/// store returned, and is used up by the one answer that it allows.
#[derive(Debug, PartialEq)]
pub struct Release {
    approval: ApprovalId,
    by: Box<Vote>,
}

impl Release {
    /// The approval that lets the call go on.
    pub fn approval(&self) -> &ApprovalId {
        &self.approval
    }

    /// The vote that completed it.
    pub fn by(&self) -> &Vote {
        &self.by
    }
}

#[cfg(test)]
mod tests;
