//! What became of an approval, in order of time, as far as its record tells.

use jiff::Timestamp;

use super::standing::verdict;
use super::visible::{Markup, visible};
use crate::domain::act::Verb;
use crate::domain::approval::{Approval, Cancellation, State};

/// One thing that happened.
pub(super) struct Entry {
    pub(super) at: Timestamp,
    pub(super) what: Markup,
}

/// All that happened.
pub(super) fn timeline(approval: &Approval) -> Vec<Entry> {
    let entry = |at, what: &str| Entry { at, what: visible(what) };
    let mut entries = vec![entry(approval.created_at, "The call arrived and was held.")];
    for (n, vote) in approval.votes.iter().enumerate() {
        let glass = vote
            .ticket
            .as_ref()
            .map_or_else(String::new, |ticket| format!(", breaking the glass under {ticket}"));
        let void = if n < approval.void { " (void: reviewers were asked again)" } else { "" };
        let reason = vote.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        entries.push(entry(vote.at, &format!("{} {}{glass}{void}{reason}", vote.reviewer, verdict(vote))));
    }
    entries.extend(approval.left_at.map(|at| entry(at, "The caller left.")));
    let last = match approval.state {
        State::Pending => None,
        State::Approved { at, until } => {
            Some(entry(at, &format!("Approved; it may run once until {until:.0}.")))
        }
        State::Released { at, .. } => Some(entry(at, "Let through to the tool, once.")),
        State::Rejected { at } => Some(entry(at, "Rejected: the agent was told, or will be.")),
        State::Expired { at } => Some(entry(at, "Expired: nobody decided in time.")),
        State::Cancelled { at, why: Cancellation::CallerLeft } => {
            Some(entry(at, "Cancelled: the caller had left."))
        }
        State::Cancelled { at, why: Cancellation::GrantUnused } => {
            Some(entry(at, "Cancelled: approved, but nobody made the call again in time."))
        }
        // The act below says who and why.
        State::Cancelled { why: Cancellation::ByHand | Cancellation::Revoked, .. } => None,
    };
    entries.extend(approval.last_act.as_ref().map(|act| {
        let verb = match act.verb {
            Verb::Cancel => "cancels it",
            Verb::Revoke => "revokes the approval",
            Verb::Extend { .. } => "lets it be open for longer",
        };
        let reason = act.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        entry(act.at, &format!("{} {verb}{reason}", act.by))
    }));
    entries.extend(last);
    entries.sort_by_key(|entry| entry.at);
    entries
}
