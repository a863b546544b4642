//! What happened to an approval, as far as its record knows.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::openapi::EventWord;
use crate::domain::act::Verb;
use crate::domain::approval::{Approval, Happened, StateKind};
use crate::domain::decision::Verdict;

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
    approval.timeline().into_iter().map(|(at, happened)| event(at, happened)).collect()
}

fn event(at: Timestamp, happened: Happened<'_>) -> EventJson {
    let plain = |event| EventJson { at, event, by: None, reason: None };
    match happened {
        Happened::Parked => plain(PARKED),
        Happened::Left => plain(LEFT),
        Happened::Voted(vote) | Happened::VotedInVain(vote) => EventJson {
            at,
            event: if vote.ticket.is_some() { BREAK_GLASS } else { vote.verdict.as_str() },
            by: Some(vote.reviewer.to_string()),
            reason: vote.reason.clone(),
        },
        Happened::Acted(act) => EventJson {
            at,
            event: act.verb.as_str(),
            by: Some(act.by.to_string()),
            reason: act.reason.clone(),
        },
        Happened::CameTo(state) => plain(state.kind().as_str()),
    }
}
