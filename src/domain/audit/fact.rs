//! What happened, before it has its place in a chain.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::chain::{Chain, Sha256Hex};
use super::event::Event;
use crate::domain::approval::Held;
use crate::domain::decision::Reviewer;
use crate::domain::ids::{ApprovalId, Subject};

/// What happened. What does not apply is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// When, by the store's clock.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// Which raw entry of the store tells of it: no two facts of a chain have the same.
    pub source: String,
    /// The transition that it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// The change of the record that it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The record's state after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The attempt that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
    /// The person who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// The replica that it happened on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<String>,
    /// The digest of the policy that this replica runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// What else was said: reason, proof of who decided, trace of the decision, why something was refused.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: Detail,
    /// The call that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Asked>,
}

/// The call that a fact is about: enough to find it, and to prove which one it was. No arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Binds the approval to it.
    pub fingerprint: String,
    /// The rule that holds it.
    pub rule: String,
    /// The groups that may decide.
    pub reviewers: Vec<String>,
    /// How many have to approve.
    pub approvals: u8,
    /// The JSON-RPC method.
    pub method: String,
    /// The tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// Who acts for the caller, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<String>,
    /// The route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The gateway's trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The digest of the message as it is kept, and as reviewers see it.
    pub body: Sha256Hex,
}

impl Asked {
    /// What a record says of its call.
    pub fn of(held: &Held) -> Self {
        Self {
            fingerprint: held.fingerprint.to_string(),
            rule: held.terms.rule.clone(),
            reviewers: held.terms.reviewers.iter().map(ToString::to_string).collect(),
            approvals: held.terms.approvals,
            method: held.method.clone(),
            tool: held.tool.clone(),
            caller: held.caller.subject.as_ref().map(ToString::to_string),
            actors: held.caller.actors.iter().map(ToString::to_string).collect(),
            route: held.route.clone(),
            trace: held.trace.clone(),
            body: Sha256Hex::of(held.body.as_bytes()),
        }
    }
}

/// Something that changes no record, to be written down all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// In which chain.
    pub chain: Chain,
    /// What happened.
    pub event: Event,
    /// The approval that it is about.
    pub approval: Option<ApprovalId>,
    /// The person who did it.
    pub who: Option<Subject>,
    /// What else there is to say.
    pub detail: Detail,
}

/// What else there is to say of a fact, by name.
pub type Detail = BTreeMap<String, serde_json::Value>;

impl Note {
    /// Something that belongs to no queue.
    pub fn new(event: Event) -> Self {
        Self { chain: Chain::System, event, approval: None, who: None, detail: Detail::new() }
    }

    /// Something about an approval.
    pub fn about(event: Event, approval: &ApprovalId) -> Self {
        let chain = Chain::Queue(approval.queue().clone());
        Self { chain, approval: Some(approval.clone()), ..Self::new(event) }
    }

    /// ... that this person did.
    pub fn by(self, reviewer: &Reviewer) -> Self {
        let who = Some(reviewer.subject.clone());
        Self { who, ..self }.with("proof", reviewer.proof.clone())
    }

    /// ... of which this is to be said, unless it is nothing.
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.detail.insert(name.to_owned(), value);
        }
        self
    }
}

impl Fact {
    /// A fact about no approval.
    pub fn new(event: Event, at: Timestamp) -> Self {
        Self {
            at,
            event,
            source: String::new(),
            cause: None,
            approval: None,
            seq: None,
            state: None,
            attempt: None,
            who: None,
            replica: None,
            policy: None,
            detail: BTreeMap::new(),
            call: None,
        }
    }

    /// On whose behalf the call is that it is about, also where that was never parked.
    pub fn caller(&self) -> Option<&str> {
        match &self.call {
            Some(call) => call.caller.as_deref(),
            None => self.detail.get("caller").and_then(serde_json::Value::as_str),
        }
    }

    /// The spans that it belongs to, as `traceparent`: of the gateway, of the decision.
    pub fn spans(&self) -> impl Iterator<Item = &str> {
        let decision = self.detail.get("trace").and_then(serde_json::Value::as_str);
        let gateway = self.call.as_ref().and_then(|call| call.trace.as_deref());
        gateway.into_iter().chain(decision)
    }

    /// The ids of their traces.
    pub fn traces(&self) -> impl Iterator<Item = &str> {
        self.spans().filter_map(|parent| parent.split('-').nth(1))
    }
}
