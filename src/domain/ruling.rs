//! What policy says of a call.

use std::sync::Arc;
use std::time::Duration;

use super::ids::{Group, QueueName};
use super::quorum::Share;
use super::redaction::Redaction;

/// What policy says of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Ruling {
    /// It may go on at once.
    Pass,
    /// It may not, and nobody is asked.
    Deny(Denial),
    /// A person is asked first.
    Hold(Terms),
}

/// A refusal by policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Denial {
    /// The rule that refuses, or a name in parentheses for what applies where no rule does.
    pub rule: String,
    /// What the agent is told.
    pub reason: String,
    /// In which form.
    pub form: DenialForm,
}

/// The terms on which a call is held.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// The rule that holds it, or a name in parentheses for what applies where no rule does.
    pub rule: String,
    /// Where it waits.
    pub queue: QueueName,
    /// Who may decide: members of any of these groups; anyone who may review where none is named.
    pub reviewers: Vec<Group>,
    /// How many different people have to approve; at least one.
    pub approvals: u8,
    /// How many of them out of which group; empty where any of the reviewers will do. Together they are all `approvals`,
    /// and their groups all `reviewers`.
    pub shares: Vec<Share>,
    /// Whether who approves has to say why.
    pub reason: Reason,
    /// How long one attempt is kept waiting.
    pub hold: Duration,
    /// How long the approval stays open.
    pub expires: Duration,
    /// What happens once the caller no longer waits.
    pub late: Late,
    /// For how long after a rejection the identical call is refused without asking again.
    pub cooldown: Duration,
    /// A headline for the reviewer.
    pub title: Option<String>,
    /// How much is at stake, in the operator's own words (`high`).
    pub risk: Option<String>,
    /// In which form a denial reaches the agent.
    pub form: DenialForm,
    /// What of the call nobody sees. It is done when the call is parked, and not kept.
    pub redaction: Arc<Redaction>,
}

/// Whether who approves has to say why. Who rejects always has to: the agent reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reason {
    /// They may.
    #[default]
    Optional,
    /// They have to.
    Required,
}

/// Whether an approval outlives the attempt that asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// It stays open, and an approval that nobody waits for becomes a grant: good for one identical call, for so long.
    On {
        /// How long a grant is good for.
        grant: Duration,
    },
    /// It ends with the attempt.
    Off,
}

/// How a denial is told to the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DenialForm {
    /// A tool result with `isError: true`: the form whose text reaches every agent.
    #[default]
    Result,
    /// A JSON-RPC error.
    Error,
    /// A plain HTTP 403. Most clients drop the session and lose the reason.
    Http403,
}

/// How many approvals may be open at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Of one caller in one queue.
    pub caller: u32,
    /// In one queue.
    pub queue: u32,
    /// In all queues together. Counted once a second, so a burst may pass it by what arrives in that time.
    pub total: u32,
}

/// The cap that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// See [`Caps::caller`].
    Caller,
    /// See [`Caps::queue`], or [`Caps::total`].
    Queue,
}
