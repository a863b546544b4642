//! What spans say of a call: names, ids and reason codes. Never its arguments, a token or what a person wrote.
//!
//! The names are those of the OpenTelemetry semantic conventions where they have one, else `holdpoint.*`. All of it is
//! added to the current span.

use std::time::Duration;

use opentelemetry::{KeyValue, Value};

use super::TraceContext;
use super::metrics::word;
use super::spans::{current, note};
use crate::domain::approval::{Approval, Held};
use crate::domain::call::Call;
use crate::domain::decision::Verdict;
use crate::domain::ids::{ApprovalId, ReplicaId};
use crate::domain::json::Json;
use crate::domain::message::Message;
use crate::domain::outcome::Outcome;

/// So much is kept of a name that the client chose.
const LONGEST: usize = 128;

/// What a gateway asks about.
pub fn asked(call: &Call, message: &Message) {
    note(|span| {
        span.set_attribute(said("mcp.method.name", &message.method));
        if let Some(tool) = &message.tool {
            span.set_attribute(KeyValue::new("gen_ai.operation.name", "execute_tool"));
            span.set_attribute(said("gen_ai.tool.name", &tool.name));
        }
        if let Some(id) = &message.id {
            span.set_attribute(said("jsonrpc.request.id", &id.text()));
        }
        // Its digest: the session's id is a key to the session.
        let session = call.session.map(|session| KeyValue::new("mcp.session.id", session.to_string()));
        span.set_attributes(session);
        let version = call.request.headers.iter().find(|(name, _)| name == "mcp-protocol-version");
        span.set_attributes(version.map(|(_, version)| said("mcp.protocol.version", version)));
    });
    link_to_client(message);
}

/// A client may name its span in the message too; it is a link where the gateway's trace is another one.
fn link_to_client(message: &Message) {
    let Some(Json::String(client)) = message.params.get("_meta").and_then(|meta| meta.get("traceparent"))
    else {
        return;
    };
    let of_gateway = current().map(|TraceContext(span)| span.trace_id());
    if TraceContext::read(client).is_some_and(|TraceContext(span)| Some(span.trace_id()) != of_gateway) {
        link(Some(client), "client", None);
    }
}

/// The answer that a gateway gets: under which reason code, and for which approval.
pub fn answered(code: &'static str, approval: Option<&ApprovalId>) {
    note(|span| {
        span.set_attribute(KeyValue::new("holdpoint.reason_code", code));
        span.set_attributes(approval.map(|id| named("holdpoint.approval.id", id)));
    });
}

/// The record that a call waits for.
pub fn parked(approval: &Approval, replica: ReplicaId) {
    of_approval(approval);
    note(|span| span.set_attribute(named("holdpoint.replica", replica)));
}

/// How an attempt ended, after how long.
pub fn ended(outcome: &Outcome, wait: Duration) {
    note(|span| {
        span.set_attribute(KeyValue::new("holdpoint.outcome", word(outcome)));
        span.set_attribute(KeyValue::new("holdpoint.wait_s", wait.as_secs_f64()));
    });
}

/// The votes that let a call go on, or stop it: each has a trace of its own.
pub fn voted(approval: &Approval) {
    let votes = approval.standing_votes();
    note(|span| span.set_attribute(KeyValue::new("holdpoint.votes", votes.len() as i64)));
    for vote in votes {
        link(vote.trace.as_deref(), "decision", Some(vote.verdict));
    }
}

/// A reviewer's decision on a record, which belongs to the trace of its Check.
pub fn decides(approval: &Approval, verdict: Verdict) {
    of_approval(approval);
    note(|span| span.set_attribute(KeyValue::new("holdpoint.verdict", verdict.as_str())));
    link(approval.held.trace.as_deref(), "check", None);
}

/// What stands after a decision.
pub fn decided(approval: &Approval) {
    note(|span| span.set_attribute(KeyValue::new("holdpoint.state", approval.state.kind().as_str())));
}

fn of_approval(approval: &Approval) {
    let Held { terms, tool, fingerprint, .. } = &*approval.held;
    note(|span| {
        span.set_attribute(named("holdpoint.approval.id", &approval.id));
        span.set_attribute(named("holdpoint.queue", &terms.queue));
        span.set_attribute(KeyValue::new("holdpoint.rule", terms.rule.clone()));
        span.set_attribute(KeyValue::new("holdpoint.fingerprint", fingerprint.to_string()[..16].to_owned()));
        span.set_attributes(tool.as_ref().map(|tool| said("gen_ai.tool.name", tool)));
    });
}

fn link(traceparent: Option<&str>, to: &'static str, verdict: Option<Verdict>) {
    let Some(TraceContext(other)) = traceparent.and_then(TraceContext::read) else { return };
    note(|span| {
        let to = KeyValue::new("holdpoint.link", to);
        let verdict = verdict.map(|verdict| KeyValue::new("holdpoint.verdict", verdict.as_str()));
        span.add_link(other, [to].into_iter().chain(verdict).collect());
    });
}

/// A name of our own.
fn named(key: &'static str, value: impl ToString) -> KeyValue {
    KeyValue::new(key, value.to_string())
}

/// A name that the client chose.
fn said(key: &'static str, value: &str) -> KeyValue {
    KeyValue::new(key, Value::from(value.chars().take(LONGEST).collect::<String>()))
}
