//! How one attempt at a held call ends.

use super::approval::{Cancellation, Release};
use super::ids::{ApprovalId, Subject};

/// How one attempt at a held call ends. Only [`Outcome::Released`] lets it go on.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// People approved it; here is the proof.
    Released(Release),
    /// A person rejected it.
    Rejected {
        /// The approval.
        approval: ApprovalId,
        /// Who.
        by: Subject,
        /// What the agent is told.
        reason: Option<String>,
    },
    /// Nobody decided in time.
    Expired {
        /// The approval.
        approval: ApprovalId,
    },
    /// It was cancelled.
    Cancelled {
        /// The approval.
        approval: ApprovalId,
        /// Why.
        why: Cancellation,
    },
    /// This attempt waits no longer, the approval is still open.
    Pending {
        /// The approval.
        approval: ApprovalId,
        /// Why it waits no longer.
        why: StillOpen,
    },
    /// Nothing certain can be said, because the store does not answer.
    StoreUnavailable,
}

/// Why an attempt waits no longer although the approval is still open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StillOpen {
    /// It was held as long as it may be.
    HoldOver,
    /// Another attempt at the same call waits now.
    TakenOver,
    /// The replica shuts down.
    Draining,
}
