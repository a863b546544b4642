//! What spans say of a call: names, ids and reason codes. Never its arguments, a token or what a person wrote.
//!
//! The names are those of the OpenTelemetry semantic conventions where they have one, else `holdpoint.*`. All of it is
//! added to the current span.

use std::time::Duration;

use opentelemetry::KeyValue;

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
        span.set_attribute(KeyValue::new("mcp.method.name", said(&message.method)));
        if let Some(tool) = &message.tool {
            span.set_attribute(KeyValue::new("gen_ai.operation.name", "execute_tool"));
            span.set_attribute(KeyValue::new("gen_ai.tool.name", said(&tool.name)));
        }
        if let Some(id) = &message.id {
            span.set_attribute(KeyValue::new("jsonrpc.request.id", said(&id.text())));
        }
        // Its digest: the session's id is a key to the session.
        if let Some(session) = call.session {
            span.set_attribute(KeyValue::new("mcp.session.id", session.to_string()));
        }
        let version = call.request.headers.iter().find(|(name, _)| name == "mcp-protocol-version");
        if let Some((_, version)) = version {
            span.set_attribute(KeyValue::new("mcp.protocol.version", said(version)));
        }
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
        if let Some(id) = approval {
            span.set_attribute(KeyValue::new("holdpoint.approval.id", id.to_string()));
        }
    });
}

/// The record that a call waits for.
pub fn parked(approval: &Approval, replica: ReplicaId) {
    of_approval(approval);
    note(|span| span.set_attribute(KeyValue::new("holdpoint.replica", replica.to_string())));
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
        span.set_attribute(KeyValue::new("holdpoint.approval.id", approval.id.to_string()));
        span.set_attribute(KeyValue::new("holdpoint.queue", terms.queue.to_string()));
        span.set_attribute(KeyValue::new("holdpoint.rule", terms.rule.clone()));
        span.set_attribute(KeyValue::new("holdpoint.fingerprint", fingerprint.to_string()[..16].to_owned()));
        if let Some(tool) = tool {
            span.set_attribute(KeyValue::new("gen_ai.tool.name", said(tool)));
        }
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

/// A name that the client chose.
fn said(name: &str) -> String {
    name.chars().take(LONGEST).collect()
}
