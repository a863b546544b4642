//! One approval on the page.
//!
//! A card has two parts: the call, which never changes, and the standing, which does. A live update replaces the
//! standing only, so that neither what is being typed nor what was unfolded is touched.

use askama::Template;
use askama::filters::HtmlSafe;
use jiff::Timestamp;

use super::arguments::tree;
use super::standing::{approvals_given, in_words};
use super::visible::{Markup, visible};
use crate::domain::approval::Approval;
use crate::domain::authority::may_decide;
use crate::domain::decision::{Reviewer, Verdict, Vote};
use crate::domain::json::Json;

/// A pending approval, as one reviewer sees it.
#[derive(Template)]
#[template(path = "card.html")]
pub(super) struct Card {
    id: String,
    fingerprint: String,
    short: String,
    heading: Markup,
    risk: Option<Markup>,
    queue: String,
    rule: Markup,
    method: Markup,
    tool: Option<Markup>,
    arguments: Markup,
    /// What else the call carries (`_meta`, `task`, …).
    others: Option<Markup>,
    request: Markup,
    host: Markup,
    headers: Vec<(Markup, Markup)>,
    route: Option<Markup>,
    caller: Option<Markup>,
    actors: Vec<Markup>,
    session: Option<Markup>,
    trace: Option<Markup>,
    created_at: Timestamp,
    standing: Standing,
}

/// What changes while an approval is pending.
#[derive(Template)]
#[template(path = "standing.html")]
pub(super) struct Standing {
    votes: Vec<Markup>,
    asked_again: bool,
    may_have_run: bool,
    incarnation: String,
    given: usize,
    needed: u8,
    groups: Vec<Markup>,
    waiting: bool,
    left_at: Option<Timestamp>,
    deadline: Timestamp,
    cannot: Option<Markup>,
}

/// What is left on the page of an approval that is no longer pending.
#[derive(Template)]
#[template(path = "ended.html")]
pub(super) struct Ended {
    id: String,
    state: &'static str,
    heading: Markup,
    stands: Markup,
}

impl HtmlSafe for Card {}

impl HtmlSafe for Standing {}

impl Card {
    pub(super) fn of(approval: &Approval, reviewer: &Reviewer) -> Self {
        let held = &approval.held;
        let some = |text: &Option<String>| text.as_deref().map(visible);
        Self {
            id: approval.id.to_string(),
            fingerprint: held.fingerprint.to_string(),
            short: held.fingerprint.short(),
            heading: heading(approval),
            risk: some(&held.terms.risk),
            queue: approval.id.queue().to_string(),
            rule: visible(&held.terms.rule),
            method: visible(&held.method),
            tool: some(&held.tool),
            arguments: tree(&held.arguments()),
            others: held.tool.as_ref().and_then(|_| others(held.params())),
            request: visible(&format!("{} {}", held.request.method, held.request.target)),
            host: visible(&held.request.host),
            headers: held.request.headers.iter().map(|(n, v)| (visible(n), visible(v))).collect(),
            route: some(&held.route),
            caller: held.caller.subject.as_ref().map(|subject| visible(&subject.0)),
            actors: held.caller.actors.iter().map(|actor| visible(&actor.0)).collect(),
            session: some(&held.session),
            trace: some(&held.trace),
            created_at: approval.created_at,
            standing: Standing::of(approval, reviewer),
        }
    }
}

impl Standing {
    pub(super) fn of(approval: &Approval, reviewer: &Reviewer) -> Self {
        let vote = |vote: &Vote| {
            let verdict = match vote.verdict {
                Verdict::Approve => "approves",
                Verdict::Reject => "rejects",
            };
            let reason = vote.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            visible(&format!("{} {verdict}{reason}", vote.reviewer))
        };
        Self {
            votes: approval.standing_votes().iter().map(vote).collect(),
            asked_again: approval.void > 0,
            may_have_run: approval.may_have_run(),
            incarnation: approval.seen_in.to_string(),
            given: approvals_given(approval),
            needed: approval.held.terms.approvals,
            groups: approval.held.terms.reviewers.iter().map(|group| visible(&group.0)).collect(),
            waiting: approval.is_waited_for(),
            left_at: approval.left_at,
            deadline: approval.deadline,
            cannot: may_decide(reviewer, approval).err().map(|why| visible(&why.to_string())),
        }
    }
}

impl Ended {
    pub(super) fn of(approval: &Approval) -> Self {
        Self {
            id: approval.id.to_string(),
            state: approval.state.kind().as_str(),
            heading: heading(approval),
            stands: visible(&in_words(approval)),
        }
    }
}

/// The operator's headline, else what is called.
fn heading(approval: &Approval) -> Markup {
    let held = &approval.held;
    visible(held.terms.title.as_deref().or(held.tool.as_deref()).unwrap_or(&held.method))
}

fn others(params: Json) -> Option<Markup> {
    let Json::Object(mut members) = params else { return None };
    members.retain(|(key, _)| key != "name" && key != "arguments");
    (!members.is_empty()).then(|| tree(&Json::Object(members)))
}
