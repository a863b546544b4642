//! The embedded store: one process, nothing kept when it ends.

mod identities;
mod journal;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

pub use self::identities::MemoryIdentities;
use self::journal::{Cause, Journal};
use super::{
    ActError, ApprovalStore, Bell, Cursor, Health, OpenIn, Order, Page, Parking, Precedents, Query,
    StoreError, VoteError,
};
use crate::clock::Clock;
use crate::domain::act::Act;
use crate::domain::approval::{Approval, Departure, Origin, StateKind};
use crate::domain::audit::Note;
use crate::domain::decision::{Verdict, Vote};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ApprovalId, AttemptId, Incarnation, QueueName, RequestKey, SessionKey};
use crate::domain::ruling::Cap;

/// All records, in this process.
pub struct MemoryStore {
    records: Mutex<BTreeMap<ApprovalId, Approval>>,
    journal: Mutex<Journal>,
    clock: Arc<dyn Clock>,
    bell: Arc<dyn Bell>,
    retention: Duration,
}

impl MemoryStore {
    /// An empty store that forgets what ended longer ago than `retention`.
    pub fn new(clock: Arc<dyn Clock>, bell: Arc<dyn Bell>, retention: Duration) -> Self {
        Self { records: Mutex::default(), journal: Mutex::default(), clock, bell, retention }
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<ApprovalId, Approval>> {
        self.records.lock().expect("no transition panics")
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().expect("nothing that is written down panics")
    }

    fn tell(&self, id: &ApprovalId) {
        self.bell.ring(id);
        self.bell.changed(id);
    }

    /// Applies one transition to one record, writes it down and rings if it changed anything, and returns what stands.
    fn change(
        &self,
        id: &ApprovalId,
        cause: &Cause,
        apply: impl FnOnce(&mut Approval, Timestamp),
    ) -> Option<Approval> {
        let standing = {
            let mut records = self.records();
            let record = records.get_mut(id)?;
            let before = record.seq;
            let now = self.clock.now();
            apply(record, now);
            if record.seq == before {
                return Some(record.clone());
            }
            self.journal().changed(record, cause, now);
            record.clone()
        };
        self.tell(id);
        Some(standing)
    }
}

fn is_identical(record: &Approval, parking: &Parking) -> bool {
    record.id.queue() == parking.id.queue() && record.held.fingerprint == parking.held.fingerprint
}

/// The record of the identical call that nobody holds, an approved one rather than a pending one, else the oldest.
/// One process: a holder that is there is alive, there is no lease to ask.
fn free_record(
    records: &BTreeMap<ApprovalId, Approval>,
    parking: &Parking,
    now: Timestamp,
) -> Option<ApprovalId> {
    let free =
        |r: &&Approval| r.holder.is_none() && (*r).clone().take_up(parking.holder, now, Incarnation::ONLY);
    let found = records.values().filter(|r| is_identical(r, parking)).filter(free);
    found.min_by_key(|r| (r.state.kind() != StateKind::Approved, &r.id)).map(|r| r.id.clone())
}

/// The record of the identical call that was rejected within the cool-down, the latest of them.
fn rejected_before(
    records: &BTreeMap<ApprovalId, Approval>,
    parking: &Parking,
    now: Timestamp,
) -> Option<ApprovalId> {
    let rejected = |r: &&Approval| r.rejects_again(parking.held.terms.cooldown, now);
    records.values().rfind(|r| is_identical(r, parking) && rejected(r)).map(|r| r.id.clone())
}

fn is_open(record: &Approval) -> bool {
    record.state.settled_at().is_none()
}

fn room(records: &BTreeMap<ApprovalId, Approval>, parking: &Parking) -> Result<(), StoreError> {
    let queue = records.values().filter(|r| is_open(r) && r.id.queue() == parking.id.queue());
    let callers = queue.clone().filter(|r| r.held.caller.key() == parking.held.caller.key());
    if callers.count() >= parking.caps.caller as usize {
        return Err(StoreError::Full(Cap::Caller));
    }
    if queue.count() >= parking.caps.queue as usize {
        return Err(StoreError::Full(Cap::Queue));
    }
    Ok(())
}

#[async_trait]
impl ApprovalStore for MemoryStore {
    async fn park(&self, parking: &Parking) -> Result<Approval, StoreError> {
        let now = self.clock.now();
        let (parked, changed) = {
            let mut records = self.records();
            let own = records.values().find(|r| r.holder == Some(parking.holder)).map(|r| r.id.clone());
            let sent_before = || records.contains_key(&parking.id).then(|| parking.id.clone());
            let known = own.or_else(sent_before).or_else(|| rejected_before(&records, parking, now));
            let id = known.or_else(|| free_record(&records, parking, now));
            if id.is_none() {
                room(&records, parking)?;
            }
            match id.and_then(|id| records.get_mut(&id)) {
                Some(record) => {
                    let taken_up =
                        record.holder.is_none() && record.take_up(parking.holder, now, Incarnation::ONLY);
                    if taken_up {
                        self.journal().changed(
                            record,
                            &Cause::Attempt("take-up", parking.holder.attempt),
                            now,
                        );
                    }
                    (record.clone(), taken_up)
                }
                None => {
                    let held = Arc::clone(&parking.held);
                    let (id, holder) = (parking.id.clone(), parking.holder);
                    let record = Approval::parked(id, held, holder, now, Incarnation::ONLY);
                    self.journal().changed(&record, &Cause::Attempt("park", holder.attempt), now);
                    records.insert(record.id.clone(), record.clone());
                    (record, true)
                }
            }
        };
        if changed {
            self.tell(&parked.id);
        }
        Ok(parked)
    }

    async fn look(&self, id: &ApprovalId) -> Result<Option<Approval>, StoreError> {
        Ok(self.records().get(id).cloned())
    }

    async fn vote(&self, id: &ApprovalId, vote: &Vote) -> Result<Approval, VoteError> {
        let mut refused = None;
        let standing = self.change(id, &Cause::Vote(vote), |record, now| {
            refused = record.vote(Vote { at: now, ..vote.clone() }, now, Incarnation::ONLY).err();
        });
        let standing = standing.ok_or_else(|| VoteError::NotFound(id.clone()))?;
        match refused {
            None => Ok(standing),
            Some(why) => Err(VoteError::Refused { why, standing: Box::new(standing) }),
        }
    }

    async fn act(&self, id: &ApprovalId, act: &Act) -> Result<Approval, ActError> {
        let mut refused = None;
        let standing = self.change(id, &Cause::Act(act), |record, now| {
            refused = record.act(Act { at: now, ..act.clone() }, now, Incarnation::ONLY).err();
        });
        let standing = standing.ok_or_else(|| ActError::NotFound(id.clone()))?;
        match refused {
            None => Ok(standing),
            Some(why) => Err(ActError::Refused { why, standing: Box::new(standing) }),
        }
    }

    async fn claim(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Approval>, StoreError> {
        let cause = Cause::Attempt("claim", attempt);
        Ok(self.change(id, &cause, |record, now| record.claim(attempt, fingerprint, now, Incarnation::ONLY)))
    }

    async fn detach(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        departure: Departure,
    ) -> Result<Option<Approval>, StoreError> {
        let id = {
            let records = self.records();
            let taken_up = |r: &&Approval| r.holder.is_some_and(|holder| holder.attempt == attempt);
            let other = if records.contains_key(id) { None } else { records.values().find(taken_up) };
            other.map_or_else(|| id.clone(), |record| record.id.clone())
        };
        let cause = Cause::Attempt(departure.as_str(), attempt);
        Ok(self.change(&id, &cause, |record, now| record.detach(attempt, departure, now)))
    }

    async fn withdraw(&self, session: SessionKey, request: Option<RequestKey>) -> Result<(), StoreError> {
        let meant = |origin: Origin| origin.session == session && request.is_none_or(|r| origin.request == r);
        let named: Vec<_> = self
            .records()
            .values()
            .filter_map(|record| Some((record.id.clone(), record.holder?)))
            .filter(|(_, holder)| holder.origin.is_some_and(meant))
            .collect();
        for (id, holder) in named {
            let cause = Cause::Attempt(Departure::CallerGone.as_str(), holder.attempt);
            self.change(&id, &cause, |record, now| record.detach(holder.attempt, Departure::CallerGone, now));
        }
        Ok(())
    }

    async fn count_open(&self) -> Result<Vec<OpenIn>, StoreError> {
        let mut queues: BTreeMap<QueueName, OpenIn> = BTreeMap::new();
        for record in self.records().values() {
            let name = record.id.queue().clone();
            let queue = queues.entry(name.clone()).or_insert(OpenIn { name, open: 0, oldest: None });
            if is_open(record) {
                queue.open += 1;
                queue.oldest = Some(queue.oldest.map_or(record.created_at, |at| at.min(record.created_at)));
            }
        }
        Ok(queues.into_values().collect())
    }

    async fn sweep(&self) -> Result<Vec<ApprovalId>, StoreError> {
        let now = self.clock.now();
        let ended: Vec<ApprovalId> = {
            let mut records = self.records();
            let kept = |r: &Approval| super::retention(r.id.queue(), self.retention);
            records.retain(|_, r| r.state.settled_at().is_none_or(|at| now < at + kept(r)));
            let ended: Vec<_> = records.values_mut().filter_map(|r| r.lapse(now).then_some(&*r)).collect();
            ended.iter().for_each(|record| self.journal().changed(record, &Cause::Sweep, now));
            ended.iter().map(|record| record.id.clone()).collect()
        };
        ended.iter().for_each(|id| self.tell(id));
        Ok(ended)
    }

    async fn renew_lease(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn note(&self, note: &Note) -> Result<(), StoreError> {
        let asked = note.approval.as_ref().and_then(|id| self.records().get(id).map(|r| Arc::clone(&r.held)));
        self.journal().noted(note, asked.as_deref(), self.clock.now());
        Ok(())
    }

    async fn list(&self, query: &Query) -> Result<Page, StoreError> {
        let records = self.records();
        let mut found: Vec<(Cursor, &Approval)> = records
            .values()
            .filter(|r| query.states.contains(&r.state.kind()) && query.filter.accepts(r))
            .map(|r| (Cursor { created_at: r.created_at, id: r.id.clone() }, r))
            .collect();
        found.sort_by(|(a, _), (b, _)| match query.order {
            Order::OldestFirst => a.cmp(b),
            Order::NewestFirst => b.cmp(a),
        });
        let behind = |cursor: &Cursor| match (&query.after, query.order) {
            (None, _) => true,
            (Some(after), Order::OldestFirst) => cursor > after,
            (Some(after), Order::NewestFirst) => cursor < after,
        };
        found.retain(|(cursor, _)| behind(cursor));
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().filter(|_| more).map(|(cursor, _)| cursor.clone());
        Ok(Page { approvals: found.into_iter().map(|(_, record)| record.clone()).collect(), next })
    }

    async fn precedents(&self, id: &ApprovalId) -> Result<Precedents, StoreError> {
        let records = self.records();
        let Some(this) = records.get(id) else { return Ok(Precedents::default()) };
        let usage = this.held.usage();
        let uses: Vec<_> =
            records.values().filter(|r| r.id.queue() == id.queue() && r.held.usage() == usage).collect();
        let identical = |r: &Approval| r.held.fingerprint == this.held.fingerprint;
        let last = |verdict, counts: &dyn Fn(&Approval) -> bool| {
            let decided = uses.iter().filter(|r| r.id != *id && r.was_decided(verdict) && counts(r));
            decided.max_by_key(|r| r.votes.last().map(|vote| vote.at)).map(|r| (*r).clone())
        };
        let approved = last(Verdict::Approve, &identical);
        let alike = if approved.is_none() { last(Verdict::Approve, &|_| true) } else { None };
        let rejected = last(Verdict::Reject, &identical);
        Ok(Precedents { calls: uses.len() as u64, approved, rejected, alike })
    }

    async fn listen(&self, _id: &ApprovalId) -> Result<(), StoreError> {
        Ok(())
    }

    fn forget(&self, _id: &ApprovalId) {}

    fn health(&self) -> Health {
        Health::Up
    }
}
