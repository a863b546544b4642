//! The audit: facts out of what the scripts wrote, and the chains that they become part of.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use redis::streams::{StreamId, StreamRangeReply};
use redis::{AsyncCommands, ExistenceCheck, SetExpiry, SetOptions, cmd};

use super::keys::record_key;
use super::record::read_held;
use super::{RedisStore, unavailable};
use crate::domain::approval::StateKind;
use crate::domain::audit::{Asked, Chain, Detail, Event, Fact, Head, Line, Note, Place};
use crate::domain::ids::{ApprovalId, QueueName, ReplicaId};
use crate::store::{AuditLog, StoreError};

impl RedisStore {
    /// Writes down what changes no record.
    pub(super) async fn write_note(&self, note: &Note) -> Result<(), StoreError> {
        let detail = serde_json::to_string(&note.detail).expect("text and numbers become JSON");
        let key = note.approval.as_ref().map(|id| record_key(id.key())).unwrap_or_default();
        let who = note.who.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut call = self.call_in(&self.scripts.note, &note.chain);
        call.arg(note.event.as_str()).arg(key).arg(who).arg(detail);
        self.run::<()>(&call).await
    }

    /// The calls that entries of a queue are about, as far as they are still recorded.
    async fn asked(
        &self,
        queue: &QueueName,
        ids: BTreeSet<ApprovalId>,
    ) -> Result<HashMap<ApprovalId, Asked>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        // Read past the scripts: neither of the two changes what is told of a call.
        let mut both = cmd("MGET");
        ids.iter().for_each(|id| _ = both.arg(self.keys.record(id)).arg(self.keys.held(id)));
        let texts: Vec<Option<String>> =
            both.query_async(&mut self.slow().await?).await.map_err(unavailable)?;
        // One that cannot be read is left out: what happened to it is told all the same.
        let asked = |(id, texts): (ApprovalId, &[Option<String>; 2])| {
            let [Some(record), Some(held)] = texts else { return None };
            Some((id, Asked::of(&read_held(record, held, queue).ok()?)))
        };
        Ok(ids.into_iter().zip(texts.as_chunks().0).filter_map(asked).collect())
    }

    async fn stream(
        &self,
        command: &str,
        key: String,
        ends: [String; 2],
        limit: usize,
    ) -> Result<Vec<StreamId>, StoreError> {
        let mut connection = self.slow().await?;
        let [from, to] = ends;
        let mut range = cmd(command);
        range.arg(key).arg(from).arg(to).arg("COUNT").arg(limit);
        let reply: StreamRangeReply = range.query_async(&mut connection).await.map_err(unavailable)?;
        Ok(reply.ids)
    }
}

#[async_trait]
impl AuditLog for RedisStore {
    async fn chains(&self) -> Result<Vec<Chain>, StoreError> {
        let queues = self.all_queues(&mut self.slow().await?).await?;
        Ok(queues.into_iter().map(Chain::Queue).chain([Chain::System]).collect())
    }

    async fn write_down(&self, note: &Note) -> Result<(), StoreError> {
        self.write_note(note).await
    }

    async fn head(&self, chain: &Chain) -> Result<Head, StoreError> {
        let mut connection = self.slow().await?;
        let mut ends = cmd("HMGET");
        ends.arg(self.keys.head(chain)).arg(&["number", "hash", "source", "signed", "signed_at"]);
        let fields: Vec<Option<String>> = ends.query_async(&mut connection).await.map_err(unavailable)?;
        let read = || {
            let [number, hash, source, signed, signed_at] = <[_; 5]>::try_from(fields).ok()?;
            let Some(number) = number else { return Some(Head::default()) };
            Some(Head {
                number: number.parse().ok()?,
                hash: hash?.parse().ok()?,
                source: source?,
                signed: signed?.parse().ok()?,
                signed_at: Timestamp::from_millisecond(signed_at?.parse().ok()?).ok()?,
            })
        };
        read()
            .ok_or_else(|| StoreError::Unavailable(format!("the end of the chain of {chain} cannot be read")))
    }

    async fn facts(&self, chain: &Chain, head: &Head, limit: usize) -> Result<Vec<Fact>, StoreError> {
        let from = if head.source.is_empty() { "-".to_owned() } else { format!("({}", head.source) };
        let entries = self.stream("XRANGE", self.keys.raw(chain), [from, "+".into()], limit).await?;
        let Chain::Queue(queue) = chain else {
            return Ok(entries.iter().map(|entry| fact(entry, None, &HashMap::new())).collect());
        };
        let id = |entry: &StreamId| approval(entry, queue);
        let asked = self.asked(queue, entries.iter().filter_map(id).collect()).await?;
        Ok(entries.iter().map(|entry| fact(entry, id(entry), &asked)).collect())
    }

    async fn append(
        &self,
        chain: &Chain,
        from: &Head,
        lines: &[Line],
        to: &Head,
    ) -> Result<bool, StoreError> {
        let mut call = self.call_in(&self.scripts.seal, chain);
        call.arg(from.number).arg(from.hash.to_string()).arg(from.signed);
        call.arg(to.number).arg(to.hash.to_string()).arg(&to.source);
        call.arg(to.signed).arg(to.signed_at.as_millisecond());
        for line in lines {
            call.arg(stream_id(line.place)).arg(&line.text);
        }
        call.invoke_async(&mut self.slow().await?).await.map_err(unavailable)
    }

    async fn lines(&self, chain: &Chain, after: Place, limit: usize) -> Result<Vec<Line>, StoreError> {
        let from = format!("({}", stream_id(after));
        let lines = self.stream("XRANGE", self.keys.lines(chain), [from, "+".into()], limit).await?;
        lines.iter().map(|entry| line(chain, entry)).collect()
    }

    async fn lines_before(
        &self,
        chain: &Chain,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<Line>, StoreError> {
        let from = before.map_or_else(|| "+".to_owned(), |before| format!("({}", stream_id(before)));
        let lines = self.stream("XREVRANGE", self.keys.lines(chain), [from, "-".into()], limit).await?;
        lines.iter().map(|entry| line(chain, entry)).collect()
    }

    async fn take_turn(
        &self,
        chain: &Chain,
        sink: &str,
        replica: ReplicaId,
        turn: Duration,
    ) -> Result<bool, StoreError> {
        let mut connection = self.slow().await?;
        let (key, replica) = (self.keys.turn(chain, sink), replica.to_string());
        let expires = SetExpiry::PX(super::millis(turn));
        let first =
            SetOptions::default().conditional_set(ExistenceCheck::NX).get(true).with_expiration(expires);
        let whose: Option<String> =
            connection.set_options(&key, &replica, first).await.map_err(unavailable)?;
        match whose {
            None => Ok(true),
            Some(whose) if whose == replica => {
                let renewed = SetOptions::default().with_expiration(expires);
                connection.set_options::<_, _, ()>(&key, &replica, renewed).await.map_err(unavailable)?;
                Ok(true)
            }
            Some(_) => Ok(false),
        }
    }

    async fn shipped(&self, chain: &Chain, sink: &str) -> Result<Place, StoreError> {
        let mut connection = self.slow().await?;
        let place: Option<String> =
            connection.hget(self.keys.sinks(chain), sink).await.map_err(unavailable)?;
        let Some(place) = place else { return Ok(Place::START) };
        read_place(&place)
            .ok_or_else(|| StoreError::Unavailable(format!("{sink} is said to have {chain} up to {place:?}")))
    }

    async fn note_shipped(&self, chain: &Chain, sink: &str, place: Place) -> Result<(), StoreError> {
        let mut connection = self.slow().await?;
        connection.hset(self.keys.sinks(chain), sink, stream_id(place)).await.map_err(unavailable)
    }

    async fn trim(&self, chain: &Chain, before: Place) -> Result<(), StoreError> {
        let mut call = self.call_in(&self.scripts.trim, chain);
        call.arg(stream_id(before));
        call.invoke_async(&mut self.slow().await?).await.map_err(unavailable)
    }
}

/// The id of a line in its stream: where it stands.
fn stream_id(place: Place) -> String {
    format!("{}-{}", place.number, u8::from(place.checkpoint))
}

fn read_place(id: &str) -> Option<Place> {
    let (number, part) = id.split_once('-')?;
    Some(Place { number: number.parse().ok()?, checkpoint: part == "1" })
}

fn line(chain: &Chain, entry: &StreamId) -> Result<Line, StoreError> {
    let read = || Some(Line { place: read_place(&entry.id)?, text: entry.get("line")? });
    read().ok_or_else(|| StoreError::Unavailable(format!("line {} of {chain} cannot be read", entry.id)))
}

/// The approval that an entry is about.
fn approval(entry: &StreamId, queue: &QueueName) -> Option<ApprovalId> {
    let key: String = text(entry, "key").or_else(|| text(entry, "about"))?;
    Some(ApprovalId::with_key(queue.clone(), uuid::Uuid::try_parse(&key).ok()?))
}

fn text(entry: &StreamId, field: &str) -> Option<String> {
    entry.get::<String>(field).filter(|text| !text.is_empty())
}

/// What an entry tells. Nothing in it is lost: what cannot be understood is told as it is.
fn fact(entry: &StreamId, id: Option<ApprovalId>, asked: &HashMap<ApprovalId, Asked>) -> Fact {
    let millis = entry.id.split('-').next().and_then(|millis| millis.parse().ok());
    let at =
        millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
    let state = text(entry, "state").and_then(|state| StateKind::from_word(&state));
    let cause = text(entry, "event");
    let event = match (text(entry, "note"), state, &cause) {
        (Some(note), ..) => Event::from_word(&note),
        (None, Some(state), Some(cause)) => Some(Event::of_transition(cause, state)),
        _ => None,
    };
    let event = event.unwrap_or(Event::Changed);
    // What a person does comes with a detail, what an attempt does without.
    let detail = text(entry, "detail");
    let (attempt, who) = match detail {
        Some(_) => (None, text(entry, "who")),
        None => (text(entry, "who"), None),
    };
    Fact {
        source: entry.id.clone(),
        cause,
        call: id.as_ref().and_then(|id| asked.get(id).cloned()),
        approval: id.map(|id| id.to_string()),
        seq: text(entry, "seq").and_then(|seq| seq.parse().ok()),
        state: state.map(|state| state.as_str().to_owned()),
        attempt,
        who,
        replica: text(entry, "replica"),
        policy: text(entry, "policy"),
        detail: detail.map(|detail| read_detail(&detail)).unwrap_or_default(),
        ..Fact::new(event, at)
    }
}

fn read_detail(text: &str) -> Detail {
    let read: Result<Detail, _> = serde_json::from_str(text);
    let mut detail = read.unwrap_or_else(|_| Detail::from([("unreadable".to_owned(), text.into())]));
    detail.retain(|_, value| !value.is_null());
    detail
}
