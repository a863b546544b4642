//! Approvals: a table of many, one in full, a line of what happened.

mod before;

use std::collections::BTreeMap;
use std::fmt::Display;

use jiff::Timestamp;

pub use self::before::before;
use super::text::{beginning, folded, visible};
use super::{Extent, LABEL, STRONG, WARNING, json, state_style};
use crate::cli::client::{Approval, Caller};
use crate::domain::approval::StateKind;
use crate::domain::json::Json;

/// How much of the arguments a line shows.
const SHORT: usize = 60;

/// One line an approval. The arguments come last: whatever they hold, they cannot shift a column.
pub fn table(approvals: &[&Approval], now: Timestamp) -> String {
    let head = ["ID", "TOOL", "CALLER", "WAITS", "ENDS IN", "VOTES", "ARGUMENTS"].map(str::to_owned);
    let rows = approvals.iter().map(|a| {
        let waits = if a.waiting { since(a.created_at, now) } else { "caller left".to_owned() };
        [
            a.id.to_string(),
            beginning(tool(a), 40),
            beginning(&caller(&a.caller), 40),
            waits,
            since(now, a.deadline),
            format!("{}/{}", a.approvals_given, a.approvals_needed),
            beginning(a.call.arguments.get(), SHORT),
        ]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut out = String::new();
    for (i, row) in rows.iter().enumerate() {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let line = cells.join("  ");
        let line = line.trim_end();
        out.push_str(&if i == 0 { format!("{LABEL}{line}{LABEL:#}\n") } else { format!("{line}\n") });
    }
    out
}

/// One approval in full.
pub fn sheet(a: &Approval, now: Timestamp, extent: Extent) -> String {
    let style = state_style(a.state);
    let text = |text: &str| folded(text, extent);
    let mut sheet =
        Sheet(format!("{STRONG}{}{STRONG:#}  {style}{}{style:#}\n", text(tool(a)), a.state.as_str()));
    sheet.field("title", a.title.as_deref().map(text));
    sheet.field("risk", a.risk.as_deref().map(text));
    sheet.field("queue", Some(a.id.queue()));
    sheet.field("id", Some(&a.id));
    sheet.field("fingerprint", Some(&a.fingerprint));
    sheet.field("rule", Some(text(&a.rule)));
    sheet.field("caller", Some(text(&caller(&a.caller))));
    sheet.field("route", a.route.as_deref().map(text));
    let request = &a.request;
    sheet.field("request", Some(text(&format!("{} {} at {}", request.method, request.path, request.host))));
    for (name, value) in &request.headers {
        sheet.field("header", Some(text(&format!("{name}: {value}"))));
    }
    sheet.field("session", a.session.as_deref().map(text));
    sheet.field("trace", a.trace.as_deref().map(text));
    sheet.field("asked", Some(format!("{:.0} ({} ago)", a.created_at, since(a.created_at, now))));
    sheet.field("waiting", Some(waiting(a, now)));
    sheet.field("ends", ends(a, now));
    let warning = "it may already have run: the store failed over after it was asked for";
    sheet.field("warning", a.may_have_run.then(|| format!("{WARNING}{warning}{WARNING:#}")));
    sheet.field("reviewers", Some(reviewers(a)));
    sheet.field("approvals", Some(format!("{} of {}", a.approvals_given, a.approvals_needed)));
    let shares = |quorum: &BTreeMap<String, u32>| {
        let shares = quorum.iter().map(|(group, people)| format!("{people} of {group}"));
        text(&shares.collect::<Vec<_>>().join(", "))
    };
    sheet.field("quorum", a.quorum.as_ref().map(shares));
    let void = (a.void_votes > 0).then(|| format!("the first {} votes no longer count", a.void_votes));
    sheet.field("asked again", void);
    let missing = Some(&a.eligible_reviewers).filter(|groups| !groups.is_empty());
    sheet.field("still needed", missing.map(|groups| text(&groups.join(", "))));
    sheet.field("reason", a.reason_required.then_some("required to approve"));
    for vote in &a.votes {
        let reason = vote.reason.as_deref().map_or_else(String::new, |r| format!(": {}", text(r)));
        let (reviewer, verdict) = (text(&vote.reviewer), visible(&vote.verdict));
        let code =
            vote.reason_code.as_deref().map_or_else(String::new, |code| format!(" ({})", visible(code)));
        sheet.field("vote", Some(format!("{reviewer}, {verdict} at {:.0}{reason}{code}", vote.at)));
    }
    if let Some(glass) = &a.broken_glass {
        let (by, ticket) = (text(&glass.by), text(&glass.ticket));
        let reason = glass.reason.as_deref().map_or_else(String::new, |r| format!(": {}", text(r)));
        sheet.field("glass", Some(format!("{WARNING}broken{WARNING:#} by {by}, ticket {ticket}{reason}")));
    }
    for act in &a.acts {
        let reason = act.reason.as_deref().map_or_else(String::new, |r| format!(": {}", text(r)));
        let (by, verb) = (text(&act.by), visible(&act.verb));
        sheet.field("act", Some(format!("{verb} by {by} at {:.0}{reason}", act.at)));
    }
    if !a.can_decide {
        let why = a.cannot_decide_reason.as_deref().unwrap_or("the service does not say why");
        sheet.field("you", Some(format!("{WARNING}cannot decide{WARNING:#}: {}", text(why))));
    }
    for redaction in &a.redactions {
        let (path, how) = (text(&redaction.path), visible(&redaction.how));
        sheet.field("not shown", Some(format!("{path} was {how}")));
    }
    for claim in &a.claims {
        sheet.field("agent claims", Some(format!("{}: {}", text(&claim.path), text(&claim.text))));
    }
    sheet.json("arguments", a.call.arguments.get(), extent);
    if let Some(rest) = other_parameters(a) {
        sheet.json("other parameters", &rest, extent);
    }
    sheet.0
}

/// The widths of the columns of [`line`]: when, what changed, the id of the longest queue that is common, the tool.
const WIDTHS: [usize; 4] = [20, 9, 44, 24];

/// The names of the columns of [`line`].
pub fn line_heads() -> String {
    let [when, change, id, tool] = WIDTHS;
    let heads =
        format!("{:when$}  {:change$}  {:id$}  {:tool$}  STANDS", "WHEN", "CHANGE", "APPROVAL", "TOOL");
    format!("{LABEL}{heads}{LABEL:#}\n")
}

/// One line about a change, and where the approval stands.
pub fn line(a: &Approval, change: &str, now: Timestamp) -> String {
    let style = state_style(a.state);
    let stands = match &a.state {
        StateKind::Pending if !a.waiting => "caller left".to_owned(),
        StateKind::Pending => format!("{}/{} approvals", a.approvals_given, a.approvals_needed),
        _ => standing(a),
    };
    let [when, word, id, wide] = WIDTHS;
    let (now, name) = (format!("{now:.0}"), a.id.to_string());
    let tool = beginning(tool(a), wide - 1);
    let arguments = beginning(a.call.arguments.get(), SHORT);
    format!(
        "{now:when$}  {style}{change:word$}{style:#}  {name:id$}  {tool:wide$}  {stands}  {LABEL}{arguments}{LABEL:#}\n"
    )
}

/// What stands, in words: who decided or what ended it.
pub fn standing(a: &Approval) -> String {
    let vote = a.votes.last().map(|vote| {
        let reason = vote.reason.as_deref().map_or_else(String::new, |r| format!(": {}", beginning(r, 200)));
        format!("by {}{reason}", beginning(&vote.reviewer, 80))
    });
    match (a.state, vote) {
        (StateKind::Approved | StateKind::Released | StateKind::Rejected, Some(vote)) => vote,
        (StateKind::Expired, _) => "nobody decided in time".to_owned(),
        (StateKind::Cancelled, _) => match a.cancellation.as_deref() {
            Some("caller_left") => "the caller left".to_owned(),
            Some(by @ ("by_hand" | "revoked")) => {
                let word = if by == "revoked" { "revoked" } else { "cancelled" };
                let act = a.acts.last();
                let who = act.map_or_else(String::new, |act| format!(" by {}", beginning(&act.by, 80)));
                let why = act.and_then(|act| act.reason.as_deref());
                let why = why.map_or_else(String::new, |why| format!(": {}", beginning(why, 200)));
                format!("{word}{who}{why}")
            }
            Some("grant_unused") => "nobody made the approved call again in time".to_owned(),
            other => visible(other.unwrap_or("no reason given")).into_owned(),
        },
        _ => "no decision yet".to_owned(),
    }
}

/// The tool, or the method where it is another than `tools/call`.
pub fn tool(a: &Approval) -> &str {
    a.call.tool.as_deref().unwrap_or(&a.call.method)
}

struct Sheet(String);

impl Sheet {
    fn field(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.0.push_str(&format!("{LABEL}{name:12}{LABEL:#} {value}\n"));
        }
    }

    fn json(&mut self, name: &str, json: &str, extent: Extent) {
        self.0.push_str(&format!("\n{LABEL}{name}{LABEL:#}\n"));
        match Json::read(json.as_bytes()) {
            Ok(value) => self.0.push_str(&json::pretty(&value, "  ", extent)),
            Err(_) => self.0.push_str(&format!("  {}\n", folded(json, extent))),
        }
    }
}

/// The parameters beside the tool's name and arguments: the server sees them too.
fn other_parameters(a: &Approval) -> Option<String> {
    a.call.tool.as_ref()?;
    let Ok(message) = Json::read(a.call.body.as_bytes()) else { return Some(a.call.body.clone()) };
    let Some(Json::Object(members)) = message.get("params") else { return None };
    let named = |key: &str| key == "name" || key == "arguments";
    let rest: Vec<_> = members.iter().filter(|(key, _)| !named(key)).cloned().collect();
    (!rest.is_empty()).then(|| Json::Object(rest).text())
}

fn caller(caller: &Caller) -> String {
    let subject = caller.subject.as_deref().unwrap_or("(nobody vouched for)");
    match caller.actors.as_slice() {
        [] => subject.to_owned(),
        actors => format!("{subject}, by {}", actors.join(", by ")),
    }
}

fn waiting(a: &Approval, now: Timestamp) -> String {
    match (a.waiting, a.left_at) {
        (true, _) => "the caller waits".to_owned(),
        (false, Some(at)) => format!("the caller left {} ago", since(at, now)),
        (false, None) => "nobody waits".to_owned(),
    }
}

fn ends(a: &Approval, now: Timestamp) -> Option<String> {
    match (a.state, a.settled_at, a.grant_until) {
        (StateKind::Pending, ..) => Some(format!("{:.0} (in {})", a.deadline, since(now, a.deadline))),
        (StateKind::Approved, _, Some(until)) => {
            Some(format!("{until:.0} (in {}), unless the call is made before", since(now, until)))
        }
        (_, Some(at), _) => Some(format!("ended at {at:.0}, {}", standing(a))),
        _ => None,
    }
}

fn reviewers(a: &Approval) -> String {
    match a.reviewers.as_slice() {
        [] => "anyone who may review".to_owned(),
        groups => format!("members of {}", visible(&groups.join(", "))),
    }
}

/// The time from one to another, in its two largest units; nothing where the clocks disagree about what is first.
fn since(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.as_second().saturating_sub(from.as_second()).max(0);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m {s}s"),
        (h, m, _) => format!("{h}h {m}m"),
    }
}

#[cfg(test)]
mod tests;
