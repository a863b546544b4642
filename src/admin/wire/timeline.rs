//! What happened to an approval, as far as its record knows.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::openapi::EventWord;
use crate::domain::act::{Act, Verb};
use crate::domain::approval::{Approval, State, StateKind};
use crate::domain::decision::{Verdict, Vote};

const PARKED: &str = "parked";
const LEFT: &str = "left";
const BREAK_GLASS: &str = "break-glass";

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(super) struct EventJson {
    at: Timestamp,
    #[schema(value_type = EventWord)]
    event: &'static str,
    /// Who did it, where a person did.
    by: Option<String>,
    reason: Option<String>,
}

/// All words for what happens: what came, what people do, and the states that it comes to.
pub(in crate::admin) fn events() -> Vec<&'static str> {
    let deeds = [Verdict::Approve.as_str(), Verdict::Reject.as_str(), BREAK_GLASS];
    let comes_to = StateKind::ALL.into_iter().filter(|kind| *kind != StateKind::Pending);
    let fixed = [PARKED, LEFT].into_iter().chain(deeds).chain(Verb::WORDS);
    fixed.chain(comes_to.map(StateKind::as_str)).collect()
}

/// What happened, the earliest first.
pub(super) fn timeline(approval: &Approval) -> Vec<EventJson> {
    let plain = |event, at| EventJson { at, event, by: None, reason: None };
    let mut events = vec![plain(PARKED, approval.created_at)];
    events.extend(approval.left_at.map(|at| plain(LEFT, at)));
    events.extend(approval.votes.iter().map(vote));
    events.extend(approval.acts.iter().map(act));
    let came_to = match approval.state {
        State::Pending => None,
        State::Approved { at, .. } => Some(at),
        ended => ended.settled_at(),
    };
    events.extend(came_to.map(|at| plain(approval.state.kind().as_str(), at)));
    // Of the same moment, what was done stands before what came of it.
    events.sort_by_key(|event| event.at);
    events
}

fn vote(vote: &Vote) -> EventJson {
    EventJson {
        at: vote.at,
        event: if vote.ticket.is_some() { BREAK_GLASS } else { vote.verdict.as_str() },
        by: Some(vote.reviewer.to_string()),
        reason: vote.reason.clone(),
    }
}

fn act(act: &Act) -> EventJson {
    EventJson {
        at: act.at,
        event: act.verb.as_str(),
        by: Some(act.by.to_string()),
        reason: act.reason.clone(),
    }
}
