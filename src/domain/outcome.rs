//! How one attempt at a held call ends.

use super::approval::{Approval, Cancellation, Release, State};
use super::fingerprint::Fingerprint;
use super::ids::{ApprovalId, AttemptId, Subject};
use super::ruling::Cap;

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
    /// It ended without a decision that counts.
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
    /// Too many calls wait already.
    QueueFull(Cap),
    /// Nothing certain can be said, because the store does not answer or has lost the record.
    StoreUnavailable,
}

/// Why an attempt waits no longer although the approval is still open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StillOpen {
    /// It was held as long as it may be.
    HoldOver,
    /// Another attempt at the same call waits now, or was let through.
    TakenOver,
    /// The agent withdrew it.
    Withdrawn,
    /// The replica shuts down.
    Draining,
}

/// What the agent reads whose call was rejected; reviewers see it before.
pub fn rejection(what: &str, reason: Option<&str>) -> String {
    let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
    format!(
        "REJECTED: {what} was not executed. A reviewer rejected it{reason}\nThis decision is final for this call. Do \
         not try it again; tell the user."
    )
}

impl Outcome {
    /// The approval that it is about; none where nothing was written down.
    pub fn approval(&self) -> Option<&ApprovalId> {
        match self {
            Self::Released(release) => Some(release.approval()),
            Self::Rejected { approval, .. }
            | Self::Expired { approval }
            | Self::Cancelled { approval, .. }
            | Self::Pending { approval, .. } => Some(approval),
            Self::QueueFull(_) | Self::StoreUnavailable => None,
        }
    }

    /// What a record says to an attempt; none while the attempt has to wait, or to claim what was approved.
    pub fn of(approval: &Approval, attempt: AttemptId, fingerprint: &Fingerprint) -> Option<Self> {
        if let Some(release) = approval.release(attempt, fingerprint) {
            return Some(Self::Released(release));
        }
        let id = approval.id.clone();
        match approval.state {
            State::Pending | State::Approved { .. } => {
                let why = match approval.holder {
                    Some(holder) if holder.attempt == attempt => return None,
                    Some(_) => StillOpen::TakenOver,
                    None => StillOpen::Withdrawn,
                };
                Some(Self::Pending { approval: id, why })
            }
            // Released to somebody else: this attempt's approval is spent, and the call is open to be asked again.
            State::Released { .. } => Some(Self::Pending { approval: id, why: StillOpen::TakenOver }),
            State::Rejected { .. } => Some(match approval.deciding_vote() {
                Some(vote) => {
                    Self::Rejected { approval: id, by: vote.reviewer.clone(), reason: vote.reason.clone() }
                }
                None => Self::StoreUnavailable,
            }),
            State::Expired { .. } => Some(Self::Expired { approval: id }),
            State::Cancelled { why, .. } => Some(Self::Cancelled { approval: id, why }),
        }
    }
}
