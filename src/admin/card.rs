//! One approval on the page.
//!
//! A card has two parts: the call, which never changes, and the standing, which does. A live update replaces the
//! standing only, so that neither what is being typed nor what was unfolded is touched.

use std::collections::HashMap;

use askama::Template;
use askama::filters::HtmlSafe;
use jiff::Timestamp;

use super::arguments::tree;
use super::facts::Facts;
use super::standing::{approvals_given, in_words, verdict};
use super::visible::{Markup, visible};
use crate::clock::{Clock, SystemClock};
use crate::domain::approval::{Approval, Held, State};
use crate::domain::authority::may_decide;
use crate::domain::claim::claims;
use crate::domain::decision::{Reviewer, Vote};
use crate::domain::ids::{DecisionId, Group, Incarnation, UsageKey};
use crate::domain::json::Json;
use crate::domain::outcome::rejection;
use crate::store::Precedents;

/// What the operator adds to every card.
#[derive(Debug, Clone, Default)]
pub struct CardSettings {
    /// Reasons to reject that are offered.
    pub reject_presets: Vec<String>,
    /// Where a trace is found, with `{trace_id}` in it.
    pub trace_url: Option<String>,
    /// The expression of each rule, by its name, as this replica has it.
    pub rules: HashMap<String, String>,
}

/// An approval, as one reviewer sees it.
#[derive(Template)]
#[template(path = "card.html")]
pub(super) struct Card {
    id: String,
    fingerprint: String,
    short: String,
    /// Cards that say the same of this are shown as one.
    like: String,
    heading: Markup,
    risk: Option<Markup>,
    queue: String,
    rule: Markup,
    expression: Option<String>,
    method: Markup,
    tool: Option<Markup>,
    arguments: Markup,
    /// What else the call carries (`_meta`, `task`, …).
    others: Option<Markup>,
    /// Where something is not shown.
    dropped: Vec<Markup>,
    masked: Vec<Markup>,
    claims: Vec<(Markup, Markup)>,
    facts: Facts,
    request: Markup,
    host: Markup,
    headers: Vec<(Markup, Markup)>,
    route: Option<Markup>,
    caller: Option<Markup>,
    actors: Vec<Markup>,
    session: Option<Markup>,
    trace: Option<Markup>,
    trace_link: Option<String>,
    created_at: Timestamp,
    stands: Stands,
    form: Form,
}

/// The part that changes.
enum Stands {
    Open(Standing),
    Ended(Ended),
}

/// What a decision is written into.
struct Form {
    /// Sent again, a form counts once.
    decision: DecisionId,
    incarnation: Incarnation,
    presets: Vec<String>,
    /// What the agent reads before and behind the reason.
    told: (Markup, Markup),
    /// What was typed, and why it was not recorded.
    typed: String,
    refused: String,
}

/// What changes while an approval is pending.
#[derive(Template)]
#[template(path = "standing.html")]
pub(super) struct Standing {
    id: String,
    what: Markup,
    place: Markup,
    who: Markup,
    minutes: i64,
    votes: Vec<Markup>,
    asked_again: bool,
    may_have_run: bool,
    incarnation: String,
    version: String,
    given: usize,
    needed: u8,
    groups: Vec<Markup>,
    /// Out of which groups somebody has still to approve, where the rule wants some of each.
    missing: Vec<Markup>,
    waiting: bool,
    /// Whether the caller had left, or its replica had died, in between.
    back: bool,
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
    /// Who broke the glass, and under which ticket.
    glass: Option<Markup>,
}

impl HtmlSafe for Card {}

impl HtmlSafe for Standing {}

impl HtmlSafe for Ended {}

impl Card {
    pub(super) fn of(
        approval: &Approval,
        reviewer: &Reviewer,
        known: &Precedents,
        settings: &CardSettings,
    ) -> Self {
        let held = &approval.held;
        let some = |text: &Option<String>| text.as_deref().map(visible);
        Self {
            id: approval.id.to_string(),
            fingerprint: held.fingerprint.to_string(),
            short: held.fingerprint.short(),
            like: like(approval),
            heading: heading(approval),
            risk: some(&held.terms.risk),
            queue: approval.id.queue().to_string(),
            rule: visible(&held.terms.rule),
            expression: settings.rules.get(&held.terms.rule).cloned(),
            method: visible(&held.method),
            tool: some(&held.tool),
            arguments: tree(&held.arguments()),
            others: held.tool.as_ref().and_then(|_| others(held.params())),
            dropped: held.redacted.dropped.iter().map(|path| visible(path)).collect(),
            masked: held.redacted.masked.iter().map(|(path, _)| visible(path)).collect(),
            claims: claims(held).iter().map(|(place, text)| (visible(place), visible(text))).collect(),
            facts: Facts::of(approval, known),
            request: visible(&format!("{} {}", held.request.method, held.request.target)),
            host: visible(&held.request.host),
            headers: held.request.headers.iter().map(|(n, v)| (visible(n), visible(v))).collect(),
            route: some(&held.route),
            caller: held.caller.subject.as_ref().map(|subject| visible(&subject.0)),
            actors: held.caller.actors.iter().map(|actor| visible(&actor.0)).collect(),
            session: some(&held.session),
            trace: some(&held.trace),
            trace_link: trace_link(held, settings),
            created_at: approval.created_at,
            stands: match approval.state {
                State::Pending => Stands::Open(Standing::of(approval, reviewer)),
                _ => Stands::Ended(Ended::of(approval)),
            },
            form: Form {
                decision: DecisionId::random(),
                incarnation: approval.seen_in,
                presets: settings.reject_presets.clone(),
                told: told(held),
                typed: String::new(),
                refused: String::new(),
            },
        }
    }

    /// The same after a decision that was not recorded: what was typed stays.
    pub(super) fn refused(mut self, typed: String, why: String) -> Self {
        (self.form.typed, self.form.refused) = (typed, why);
        self
    }
}

impl Standing {
    pub(super) fn of(approval: &Approval, reviewer: &Reviewer) -> Self {
        let vote = |vote: &Vote| {
            let reason = vote.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            visible(&format!("{} {}{reason}", vote.reviewer, verdict(vote)))
        };
        let held = &approval.held;
        let caller = held.caller.subject.as_ref().map_or("an unknown caller", |subject| &subject.0);
        let who = match held.caller.actors.first() {
            Some(actor) => format!("{actor} for {caller}"),
            None => caller.to_owned(),
        };
        Self {
            id: approval.id.to_string(),
            what: visible(called(held)),
            place: visible(held.route.as_deref().unwrap_or(&held.request.host)),
            who: visible(&who),
            minutes: approval.deadline.duration_since(SystemClock.now()).as_mins().max(0),
            votes: approval.standing_votes().iter().map(vote).collect(),
            asked_again: approval.void > 0,
            may_have_run: approval.may_have_run(),
            incarnation: approval.seen_in.to_string(),
            version: version(approval),
            given: approvals_given(approval),
            needed: held.terms.approvals,
            groups: names(&held.terms.reviewers),
            missing: if held.terms.shares.is_empty() {
                Vec::new()
            } else {
                names(&approval.groups_missing())
            },
            waiting: approval.is_waited_for(),
            back: approval.epoch > 1,
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
            glass: approval.broken_glass().map(|vote| {
                let ticket = vote.ticket.as_deref().unwrap_or_default();
                visible(&format!("{} broke the glass under {ticket}.", vote.reviewer))
            }),
        }
    }
}

/// Another one whenever what stands is another: the same record says more in another life of the store.
pub(super) fn version(approval: &Approval) -> String {
    format!("{}-{:.8}", approval.seq, approval.seen_in.to_string())
}

fn names(groups: &[Group]) -> Vec<Markup> {
    groups.iter().map(|group| visible(&group.0)).collect()
}

/// The operator's headline, else what is called.
fn heading(approval: &Approval) -> Markup {
    let held = &approval.held;
    visible(held.terms.title.as_deref().unwrap_or(called(held)))
}

/// Calls of one tool by one caller under one rule are alike.
fn like(approval: &Approval) -> String {
    let held = &approval.held;
    let parts = [approval.id.queue().as_str(), &held.usage().to_string(), &held.terms.rule];
    UsageKey::of(&parts).to_string()
}

fn called(held: &Held) -> &str {
    held.tool.as_deref().unwrap_or(&held.method)
}

/// What the agent reads of a rejection, cut where the reason stands.
fn told(held: &Held) -> (Markup, Markup) {
    const REASON: &str = "\u{0}";
    let text = rejection(called(held), Some(REASON));
    // The last one: the tool's name comes first, and may hold anything.
    let (before, behind) = text.rsplit_once(REASON).unwrap_or((&text, ""));
    (visible(before), visible(behind.trim_start()))
}

fn trace_link(held: &Held, settings: &CardSettings) -> Option<String> {
    let id = held.trace.as_deref()?.split('-').nth(1)?;
    let is_one = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    is_one.then(|| Some(settings.trace_url.as_ref()?.replace("{trace_id}", id)))?
}

fn others(params: Json) -> Option<Markup> {
    let Json::Object(mut members) = params else { return None };
    members.retain(|(key, _)| key != "name" && key != "arguments");
    (!members.is_empty()).then(|| tree(&Json::Object(members)))
}
