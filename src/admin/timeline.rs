//! What happened to an approval, in words.

use jiff::Timestamp;

use super::standing::verdict;
use super::visible::{Markup, visible};
use crate::domain::act::Verb;
use crate::domain::approval::{Approval, Cancellation, Happened, State};
use crate::domain::decision::Vote;

/// One thing that happened.
pub(super) struct Entry {
    pub(super) at: Timestamp,
    pub(super) what: Markup,
}

/// All that happened.
pub(super) fn timeline(approval: &Approval) -> Vec<Entry> {
    let entry = |(at, happened)| Some(Entry { at, what: visible(&in_words(happened)?) });
    approval.timeline().into_iter().filter_map(entry).collect()
}

fn in_words(happened: Happened<'_>) -> Option<String> {
    let because =
        |reason: &Option<String>| reason.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    Some(match happened {
        Happened::Parked => "The call arrived and was held.".to_owned(),
        Happened::Left => "The caller left.".to_owned(),
        Happened::Voted(vote) => format!("{}{}", voted(vote), because(&vote.reason)),
        Happened::VotedInVain(vote) => {
            format!("{} (void: reviewers were asked again){}", voted(vote), because(&vote.reason))
        }
        Happened::Acted(act) => {
            let verb = match act.verb {
                Verb::Cancel => "cancels it",
                Verb::Revoke => "revokes the approval",
                Verb::Extend { .. } => "lets it be open for longer",
            };
            format!("{} {verb}{}", act.by, because(&act.reason))
        }
        Happened::CameTo(state) => match state {
            State::Pending => return None,
            State::Approved { until, .. } => format!("Approved; it may run once until {until:.0}."),
            State::Released { .. } => "Let through to the tool, once.".to_owned(),
            State::Rejected { .. } => "Rejected: the agent was told, or will be.".to_owned(),
            State::Expired { .. } => "Expired: nobody decided in time.".to_owned(),
            State::Cancelled { why: Cancellation::CallerLeft, .. } => {
                "Cancelled: the caller had left.".to_owned()
            }
            State::Cancelled { why: Cancellation::GrantUnused, .. } => {
                "Cancelled: approved, but nobody made the call again in time.".to_owned()
            }
            // The act says who and why.
            State::Cancelled { why: Cancellation::ByHand | Cancellation::Revoked, .. } => return None,
        },
    })
}

fn voted(vote: &Vote) -> String {
    let glass = vote.ticket.as_ref().map(|ticket| format!(", breaking the glass under {ticket}"));
    format!("{} {}{}", vote.reviewer, verdict(vote), glass.unwrap_or_default())
}
