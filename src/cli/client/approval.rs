//! An approval as the admin API writes it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::domain::approval::StateKind;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ApprovalId, Incarnation};

/// An approval, and the very JSON that it came in: what a script gets has lost nothing on the way.
#[derive(Debug)]
pub struct Received {
    /// What it says.
    pub approval: Approval,
    /// As it came.
    pub json: Box<RawValue>,
}

impl<'de> Deserialize<'de> for Received {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        let approval = serde_json::from_str(json.get()).map_err(D::Error::custom)?;
        Ok(Self { approval, json })
    }
}

/// An approval.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "the names are those of the admin API, which documents them")]
pub struct Approval {
    #[serde(deserialize_with = "parsed")]
    pub id: ApprovalId,
    #[serde(deserialize_with = "state")]
    pub state: StateKind,
    pub rule: String,
    pub title: Option<String>,
    pub risk: Option<String>,
    #[serde(deserialize_with = "parsed")]
    pub fingerprint: Fingerprint,
    pub call: Call,
    pub request: Request,
    pub route: Option<String>,
    pub session: Option<String>,
    pub caller: Caller,
    pub created_at: Timestamp,
    pub deadline: Timestamp,
    pub grant_until: Option<Timestamp>,
    pub settled_at: Option<Timestamp>,
    pub cancellation: Option<String>,
    pub waiting: bool,
    pub left_at: Option<Timestamp>,
    pub approvals_needed: u32,
    pub approvals_given: u32,
    pub reviewers: Vec<String>,
    #[serde(default)]
    pub eligible_reviewers: Vec<String>,
    #[serde(default)]
    pub quorum: Option<BTreeMap<String, u32>>,
    #[serde(default)]
    pub void_votes: usize,
    #[serde(default)]
    pub redactions: Vec<Redaction>,
    #[serde(default)]
    pub claims: Vec<Claim>,
    #[serde(default)]
    pub reason_required: bool,
    #[serde(default)]
    pub broken_glass: Option<BrokenGlass>,
    #[serde(default)]
    pub acts: Vec<Act>,
    pub votes: Vec<Vote>,
    #[serde(deserialize_with = "parsed")]
    pub incarnation: Incarnation,
    pub may_have_run: bool,
    pub trace: Option<String>,
    pub can_decide: bool,
    pub cannot_decide_reason: Option<String>,
    /// In the answer to a decision only.
    #[serde(default)]
    pub replicated: Option<bool>,
}

/// What was asked and decided before a call.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "as above")]
pub struct Precedents {
    pub earlier: Option<u64>,
    pub approved: Option<Approval>,
    pub rejected: Option<Approval>,
    pub alike: Option<Approval>,
}

/// What the agent says about its call.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "as above")]
pub struct Claim {
    pub path: String,
    pub text: String,
}

/// The JSON-RPC message.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "as above")]
pub struct Call {
    pub method: String,
    pub tool: Option<String>,
    pub arguments: Box<RawValue>,
    pub body: String,
}

/// The HTTP request that carries it.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "as above")]
pub struct Request {
    pub method: String,
    pub path: String,
    pub host: String,
    pub headers: BTreeMap<String, String>,
}

/// On whose behalf.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "as above")]
pub struct Caller {
    pub subject: Option<String>,
    pub actors: Vec<String>,
}

/// What the call lacks of what came.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "as above")]
pub struct Redaction {
    pub path: String,
    pub how: String,
}

/// An approval past the rule.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "as above")]
pub struct BrokenGlass {
    pub by: String,
    pub ticket: String,
    #[serde(default)]
    pub reason: Option<String>,
}

/// What a person did beside voting.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "as above")]
pub struct Act {
    pub by: String,
    pub verb: String,
    pub reason: Option<String>,
    pub at: Timestamp,
}

/// What one reviewer said.
#[derive(Debug, Deserialize)]
#[allow(missing_docs, reason = "as above")]
pub struct Vote {
    pub reviewer: String,
    pub verdict: String,
    pub reason: Option<String>,
    #[serde(default)]
    pub reason_code: Option<String>,
    pub at: Timestamp,
}

fn parsed<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StateKind, D::Error> {
    let word = String::deserialize(deserializer)?;
    StateKind::from_word(&word).ok_or_else(|| D::Error::custom(format!("the state {word:?} is unknown")))
}
