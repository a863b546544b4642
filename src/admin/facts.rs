//! What can be computed about a call: what was asked and decided before, and how this one differs.

use askama::Template;
use askama::filters::HtmlSafe;
use jiff::Timestamp;

use super::diff::Difference;
use super::standing::approvers;
use super::visible::{Markup, visible};
use crate::domain::approval::{Approval, State};
use crate::store::Precedents;

/// What a reviewer should know of before deciding.
#[derive(Template, Default)]
#[template(path = "facts.html")]
pub(super) struct Facts {
    /// How many calls of this tool by this caller came before.
    earlier: Option<u64>,
    approved: Option<Precedent>,
    rejected: Option<Precedent>,
    alike: Option<(Precedent, Difference)>,
}

/// A decision on another call.
struct Precedent {
    id: String,
    by: Markup,
    at: Option<Timestamp>,
    reason: Option<Markup>,
    ran: bool,
}

impl HtmlSafe for Facts {}

impl Facts {
    /// The facts of this call.
    pub(super) fn of(approval: &Approval, known: &Precedents) -> Self {
        let compared = |other: &Approval| {
            let difference = Difference::between(&other.held.arguments(), &approval.held.arguments());
            (Precedent::of(other), difference)
        };
        Self {
            earlier: known.calls.checked_sub(1),
            approved: known.approved.as_ref().map(Precedent::of),
            rejected: known.rejected.as_ref().map(Precedent::of),
            alike: known.alike.as_ref().map(compared),
        }
    }
}

impl Precedent {
    fn of(approval: &Approval) -> Self {
        let last = approval.votes.last();
        Self {
            id: approval.id.to_string(),
            by: match approval.state {
                State::Rejected { .. } => visible(last.map_or("nobody", |vote| &vote.reviewer.0)),
                _ => visible(&approvers(approval)),
            },
            at: last.map(|vote| vote.at),
            reason: last.and_then(|vote| vote.reason.as_deref()).map(visible),
            ran: matches!(approval.state, State::Released { .. }),
        }
    }
}
