//! What stands, in words: for the page, and for whoever decided too late.

use crate::domain::approval::{Approval, Cancellation, State};
use crate::domain::decision::{Verdict, Vote};

/// Where an approval stands, and who brought it there.
pub(super) fn in_words(approval: &Approval) -> String {
    match approval.state {
        State::Pending => format!("open until {:.0}", approval.deadline),
        State::Approved { at, .. } => {
            format!("approved by {} at {at:.0}, and not run yet{}", approvers(approval), reason(approval))
        }
        State::Released { at, .. } => {
            format!("approved by {}, and let through at {at:.0}{}", approvers(approval), reason(approval))
        }
        State::Rejected { at } => {
            let by = approval.votes.last().map_or("nobody", |vote| vote.reviewer.0.as_str());
            format!("rejected by {by} at {at:.0}{}", reason(approval))
        }
        State::Expired { at } => format!("expired at {at:.0}: nobody decided in time"),
        State::Cancelled { at, why: Cancellation::CallerLeft } => {
            format!("cancelled at {at:.0}: the caller has left")
        }
        State::Cancelled { at, why: Cancellation::GrantUnused } => {
            format!(
                "approved by {}, and cancelled at {at:.0}: nobody made the call again in time",
                approvers(approval)
            )
        }
        State::Cancelled { at, why: Cancellation::ByHand } => {
            format!("cancelled {} at {at:.0}{}", actor(approval), because(approval))
        }
        State::Cancelled { at, why: Cancellation::Revoked } => {
            let (approvers, actor) = (approvers(approval), actor(approval));
            format!("approved by {approvers}, and revoked {actor} at {at:.0}{}", because(approval))
        }
    }
}

/// Which way somebody voted.
pub(super) fn verdict(vote: &Vote) -> &'static str {
    match vote.verdict {
        Verdict::Approve => "approves",
        Verdict::Reject => "rejects",
    }
}

/// Who did what was done last beside voting.
fn actor(approval: &Approval) -> String {
    approval.last_act.as_ref().map_or_else(String::new, |act| format!("by {}", act.by))
}

/// Why they did it, behind a colon.
fn because(approval: &Approval) -> String {
    let reason = approval.last_act.as_ref().and_then(|act| act.reason.as_deref());
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

/// How many approvals there are of those that are needed.
pub(super) fn approvals_given(approval: &Approval) -> usize {
    usize::from(approval.held.terms.approvals).saturating_sub(approval.approvals_missing())
}

/// Who approves.
pub(super) fn approvers(approval: &Approval) -> String {
    let approvers = approval.standing_votes().iter().filter(|vote| vote.verdict == Verdict::Approve);
    approvers.map(|vote| vote.reviewer.0.as_str()).collect::<Vec<_>>().join(", ")
}

/// The deciding vote's reason, behind a colon.
fn reason(approval: &Approval) -> String {
    let reason = approval.deciding_vote().and_then(|vote| vote.reason.as_deref());
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}
