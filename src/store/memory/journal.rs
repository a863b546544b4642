//! The audit of the embedded store.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use crate::domain::act::Act;
use crate::domain::approval::{Approval, Held};
use crate::domain::audit::{Asked, Chain, Detail, Event, Fact, Head, Line, Note, Place};
use crate::domain::decision::Vote;
use crate::domain::ids::{AttemptId, ReplicaId};
use crate::store::{ApprovalStore, AuditLog, StoreError};

/// What has happened, by chain.
#[derive(Default)]
pub(super) struct Journal {
    books: BTreeMap<Chain, Book>,
    facts: u64,
}

#[derive(Default)]
struct Book {
    head: Head,
    facts: VecDeque<Fact>,
    lines: VecDeque<Line>,
    shipped: BTreeMap<String, Place>,
}

/// Why a record changed.
pub(super) enum Cause<'a> {
    /// An attempt did this.
    Attempt(&'static str, AttemptId),
    /// A reviewer voted.
    Vote(&'a Vote),
    /// A person did something else.
    Act(&'a Act),
    /// It was overdue.
    Sweep,
}

impl Journal {
    /// Writes down a change of a record.
    pub(super) fn changed(&mut self, record: &Approval, cause: &Cause<'_>, now: Timestamp) {
        let word = match cause {
            Cause::Attempt(word, _) => word,
            Cause::Vote(vote) => vote.word(),
            Cause::Act(act) => act.verb.as_str(),
            Cause::Sweep => "lapse",
        };
        let state = record.state.kind();
        let mut fact = Fact {
            cause: Some(word.to_owned()),
            approval: Some(record.id.to_string()),
            seq: Some(record.seq),
            state: Some(state.as_str().to_owned()),
            call: Some(Asked::of(&record.held)),
            ..Fact::new(Event::of_transition(word, state), now)
        };
        match cause {
            Cause::Attempt(_, attempt) => fact.attempt = Some(attempt.to_string()),
            Cause::Vote(vote) => {
                fact.who = Some(vote.reviewer.to_string());
                fact.detail = said(vote);
            }
            Cause::Act(act) => {
                fact.who = Some(act.by.to_string());
                fact.detail = act.detail();
            }
            Cause::Sweep => {}
        }
        self.write(Chain::Queue(record.id.queue().clone()), fact);
    }

    /// Writes down what changed no record.
    pub(super) fn noted(&mut self, note: &Note, held: Option<&Held>, now: Timestamp) {
        let fact = Fact {
            approval: note.approval.as_ref().map(ToString::to_string),
            who: note.who.as_ref().map(ToString::to_string),
            detail: note.detail.clone(),
            call: held.map(Asked::of),
            ..Fact::new(note.event, now)
        };
        self.write(note.chain.clone(), fact);
    }

    fn write(&mut self, chain: Chain, fact: Fact) {
        self.facts += 1;
        let fact = Fact { source: self.facts.to_string(), ..fact };
        self.books.entry(chain).or_default().facts.push_back(fact);
    }
}

/// What a reviewer said.
fn said(vote: &Vote) -> Detail {
    let told = [
        ("reason", vote.reason.clone()),
        ("fingerprint", vote.fingerprint.map(|fingerprint| fingerprint.to_string())),
        ("proof", vote.proof.clone()),
        ("seen_in", vote.seen_in.map(|seen_in| seen_in.to_string())),
        ("reason_code", vote.reason_code.map(|code| code.as_str().to_owned())),
        ("ticket", vote.ticket.clone()),
        ("trace", vote.trace.clone()),
    ];
    told.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into()))).collect()
}

impl MemoryStore {
    fn book<T>(&self, chain: &Chain, read: impl FnOnce(&mut Book) -> T) -> Result<T, StoreError> {
        Ok(read(self.journal().books.entry(chain.clone()).or_default()))
    }
}

#[async_trait]
impl AuditLog for MemoryStore {
    async fn chains(&self) -> Result<Vec<Chain>, StoreError> {
        Ok(self.journal().books.keys().cloned().collect())
    }

    async fn write_down(&self, note: &Note) -> Result<(), StoreError> {
        ApprovalStore::note(self, note).await
    }

    async fn head(&self, chain: &Chain) -> Result<Head, StoreError> {
        self.book(chain, |book| book.head.clone())
    }

    async fn facts(&self, chain: &Chain, _: &Head, limit: usize) -> Result<Vec<Fact>, StoreError> {
        self.book(chain, |book| book.facts.iter().take(limit).cloned().collect())
    }

    async fn append(
        &self,
        chain: &Chain,
        from: &Head,
        lines: &[Line],
        to: &Head,
    ) -> Result<bool, StoreError> {
        self.book(chain, |book| {
            if book.head != *from {
                return false;
            }
            let entries = lines.iter().filter(|line| !line.place.checkpoint).count();
            book.facts.drain(..entries);
            book.lines.extend(lines.iter().cloned());
            book.head = to.clone();
            true
        })
    }

    async fn lines(&self, chain: &Chain, after: Place, limit: usize) -> Result<Vec<Line>, StoreError> {
        self.book(chain, |book| {
            let begin = book.lines.partition_point(|line| line.place <= after);
            book.lines.range(begin..).take(limit).cloned().collect()
        })
    }

    async fn lines_before(
        &self,
        chain: &Chain,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<Line>, StoreError> {
        self.book(chain, |book| {
            let behind = |line: &Line| before.is_none_or(|before| line.place < before);
            let end = book.lines.partition_point(behind);
            book.lines.range(..end).rev().take(limit).cloned().collect()
        })
    }

    async fn take_turn(&self, _: &Chain, _: &str, _: ReplicaId, _: Duration) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn shipped(&self, chain: &Chain, sink: &str) -> Result<Place, StoreError> {
        self.book(chain, |book| book.shipped.get(sink).copied().unwrap_or(Place::START))
    }

    async fn note_shipped(&self, chain: &Chain, sink: &str, place: Place) -> Result<(), StoreError> {
        self.book(chain, |book| _ = book.shipped.insert(sink.to_owned(), place))
    }

    async fn trim(&self, chain: &Chain, before: Place) -> Result<(), StoreError> {
        self.book(chain, |book| {
            let end = book.lines.partition_point(|line| line.place < before);
            book.lines.drain(..end);
        })
    }
}
