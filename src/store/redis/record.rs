//! A record as Redis keeps it, and back.
//!
//! The fields that scripts compare are one text, with commas between them. What was asked is one opaque value: a line of JSON, then the
//! body byte for byte. Its JSON is made of structs of its own, so that a change of the domain is not by accident a
//! change of what older and newer replicas read.

mod acts;
mod held;

use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use redis::{FromRedisValue, ParsingError, Value};
use serde::{Deserialize, Serialize};

use crate::domain::approval::{Approval, Cancellation, Held, Holder, Origin, State, StateKind};
use crate::domain::decision::{ReasonCode, Verdict, Vote};
use crate::domain::ids::{ApprovalId, QueueName, Subject};
use crate::domain::ruling::Terms;
use crate::store::StoreError;

pub(super) use acts::encode as encode_act_rest;
pub(super) use held::{encode as encode_held, millis};

/// The version of the records that this code writes, and the only one that it reads.
const VERSION: &str = "1";

/// The fields of a record and which life of Redis replies, in the order of a reply (see `scripts/record.lua`).
const FIELDS: [&str; 22] = [
    "v", "fp", "need", "late", "created", "deadline", "state", "at", "with", "seq", "epoch", "attempt",
    "replica", "left", "under", "void", "origin", "caller", "acts", "born", "usage", "here",
];

/// How many elements of the list one vote takes: decision, reviewer, verdict, time, the rest.
const VOTE: usize = 5;

/// What a script replied: its word, and a record.
#[derive(Debug)]
pub(super) struct Reply {
    /// What became of the request.
    pub(super) word: String,
    /// The record's key, or what else the word is about.
    pub(super) key: String,
    fields: String,
    votes: Vec<String>,
    held: Option<String>,
}

/// The values of [`FIELDS`].
struct Fields<'a>(Vec<&'a str>);

impl FromRedisValue for Reply {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (word, key, fields, votes, held) = FromRedisValue::from_redis_value(value)?;
        Ok(Self { word, key, fields, votes, held })
    }
}

impl Reply {
    /// The approval in this reply, which may be another than the one asked for. `known` is what was asked, where the reply
    /// leaves that out.
    pub(super) fn approval(
        &self,
        asked: &ApprovalId,
        known: Option<&Arc<Held>>,
    ) -> Result<Approval, StoreError> {
        self.decode(asked.queue(), known).map_err(|why| StoreError::Unreadable { id: asked.clone(), why })
    }

    fn decode(&self, queue: &QueueName, known: Option<&Arc<Held>>) -> Result<Approval, String> {
        let fields = Fields::of(&self.fields)?;
        let held = match (&self.held, known) {
            (Some(stored), _) => Arc::new(held::decode(stored, fields.parse("fp")?, queue)?),
            (None, Some(known)) if known.fingerprint == fields.parse("fp")? => Arc::clone(known),
            (None, Some(_)) => return Err("another call than this was asked".into()),
            (None, None) => return Err("what was asked is gone".into()),
        };
        Ok(Approval {
            id: ApprovalId::with_key(queue.clone(), read(&self.key)?),
            seq: fields.parse("seq")?,
            epoch: fields.parse("epoch")?,
            held,
            state: fields.state()?,
            holder: match fields.text("attempt")? {
                "" => None,
                attempt => Some(Holder {
                    attempt: read(attempt)?,
                    replica: fields.parse("replica")?,
                    origin: origin(fields.text("origin")?)?,
                }),
            },
            left_at: match fields.text("left")? {
                "" => None,
                left => Some(time(left)?),
            },
            votes: self.votes()?,
            void: fields.parse("void")?,
            under: match fields.text("under")? {
                "" => None,
                under => Some(read(under)?),
            },
            acts: acts::decode(fields.text("acts")?)?,
            parked_in: fields.parse("born")?,
            seen_in: fields.parse("here")?,
            created_at: fields.time("created")?,
            deadline: fields.time("deadline")?,
        })
    }

    fn votes(&self) -> Result<Vec<Vote>, String> {
        let (votes, rest) = self.votes.as_chunks::<VOTE>();
        if !rest.is_empty() {
            return Err("a vote is incomplete".into());
        }
        votes.iter().map(vote).collect()
    }
}

impl<'a> Fields<'a> {
    fn of(text: &'a str) -> Result<Self, String> {
        let fields = Self(text.split(',').collect());
        match fields.text("v")? {
            VERSION => Ok(fields),
            other => Err(format!("it has version {other:?}, this program reads {VERSION:?}")),
        }
    }

    fn state(&self) -> Result<State, String> {
        let word = self.text("state")?;
        let at = self.time("at")?;
        Ok(match StateKind::from_word(word).ok_or_else(|| format!("its state is {word:?}"))? {
            StateKind::Pending => State::Pending,
            StateKind::Approved => State::Approved { at, until: self.time("with")? },
            StateKind::Released => State::Released { at, attempt: self.parse("with")? },
            StateKind::Rejected => State::Rejected { at },
            StateKind::Expired => State::Expired { at },
            StateKind::Cancelled => State::Cancelled { at, why: cancellation(self.text("with")?)? },
        })
    }

    fn text(&self, field: &str) -> Result<&str, String> {
        let place = FIELDS.iter().position(|name| *name == field);
        let value = place.and_then(|place| self.0.get(place).copied());
        value.ok_or_else(|| format!("it has no {field:?}"))
    }

    fn parse<T: FromStr>(&self, field: &str) -> Result<T, String> {
        read(self.text(field)?)
    }

    fn time(&self, field: &str) -> Result<Timestamp, String> {
        time(self.text(field)?)
    }
}

/// What was asked, out of the record and the opaque value beside it.
pub(super) fn read_held(record: &str, held: &str, queue: &QueueName) -> Result<Held, String> {
    held::decode(held, Fields::of(record)?.parse("fp")?, queue)
}

/// The part of a vote that no script looks at.
#[derive(Serialize, Deserialize)]
struct VoteRest {
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticket: Option<String>,
    fingerprint: Option<String>,
    #[serde(default)]
    proof: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen_in: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
}

/// How many people each demand of these terms wants, as scripts count them down.
pub(super) fn need(terms: &Terms) -> String {
    let people: Vec<_> = terms.demands().iter().map(|demand| demand.people.to_string()).collect();
    people.join(":")
}

/// For which demands the vote counts, then what no script looks at: the detail of its entry in the audit.
pub(super) fn encode_vote_rest(vote: &Vote) -> String {
    let rest = VoteRest {
        reason: vote.reason.clone(),
        reason_code: vote.reason_code.map(|code| code.as_str().to_owned()),
        ticket: vote.ticket.clone(),
        fingerprint: vote.fingerprint.map(|f| f.to_string()),
        seen_in: vote.seen_in.map(|seen_in| seen_in.to_string()),
        proof: vote.proof.clone(),
        trace: vote.trace.clone(),
    };
    format!("{}{}", vote.marks, serde_json::to_string(&rest).expect("text becomes JSON"))
}

fn vote([decision, reviewer, verdict, at, rest]: &[String; VOTE]) -> Result<Vote, String> {
    let (marks, rest) = rest.split_at(rest.find('{').ok_or("a vote has no rest")?);
    let rest: VoteRest = serde_json::from_str(rest).map_err(|e| format!("a vote: {e}"))?;
    Ok(Vote {
        decision: read(decision)?,
        reviewer: Subject(reviewer.clone()),
        proof: rest.proof,
        verdict: match (verdict.as_str(), &rest.ticket) {
            ("approve", None) | (Vote::BREAK_GLASS, Some(_)) => Verdict::Approve,
            ("reject", None) => Verdict::Reject,
            other => return Err(format!("a verdict is {other:?}")),
        },
        marks: marks.into(),
        reason: rest.reason,
        reason_code: rest.reason_code.as_deref().and_then(ReasonCode::from_word),
        ticket: rest.ticket,
        fingerprint: rest.fingerprint.as_deref().map(read).transpose()?,
        seen_in: rest.seen_in.as_deref().map(read).transpose()?,
        at: time(at)?,
        trace: rest.trace,
    })
}

fn cancellation(word: &str) -> Result<Cancellation, String> {
    match word {
        "caller-left" => Ok(Cancellation::CallerLeft),
        "grant-unused" => Ok(Cancellation::GrantUnused),
        "by-hand" => Ok(Cancellation::ByHand),
        "revoked" => Ok(Cancellation::Revoked),
        other => Err(format!("it was cancelled because of {other:?}")),
    }
}

fn origin(text: &str) -> Result<Option<Origin>, String> {
    match text.split_once(':') {
        None if text.is_empty() => Ok(None),
        None => Err(format!("its origin is {text:?}")),
        Some((session, request)) => Ok(Some(Origin { session: read(session)?, request: read(request)? })),
    }
}

/// The session and the request that an attempt answers to.
pub(super) fn origin_text(origin: Option<Origin>) -> String {
    origin.map(|origin| format!("{}:{}", origin.session, origin.request)).unwrap_or_default()
}

fn read<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is not what belongs there"))
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::from_millisecond(read(text)?).map_err(|e| e.to_string())
}
