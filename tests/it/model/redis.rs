//! One Redis: the records, and the scripts that change them. Every rule is the shipped one; what is written here is
//! which record a park takes up, as `park.lua` has it, and a wrapper that can take a guard away.

use holdpoint::domain::approval::{Approval, Departure, State};
use holdpoint::domain::authority::{NotAllowed, may_decide};
use holdpoint::domain::decision::{Membership, Reviewer, Role, Verdict};
use holdpoint::domain::ids::{Incarnation, Subject};
use holdpoint::domain::outcome::Outcome;
use jiff::Timestamp;

use super::record::{
    ATTEMPTS, CLICKS, Record, Stands, Terms, attempt_id, caller_of, fingerprint, holder, life, reviewer, vote,
};

/// A guard that is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    NoFingerprintCheck,
    LastDecisionWins,
    NoAttemptCheckInClaim,
    NoAttemptCheckInDetach,
    NoIncarnationCheck,
    NoSeenLifeCheck,
    ClaimInTwoSteps,
    NoVotedCheck,
    NoOwnCallCheck,
    NoHolderCheckInPark,
    NoDeadline,
    AcknowledgedBeforeReplicated,
}

/// What must not happen and is seen only in the moment in which it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Breach {
    /// A final decision was changed.
    FinalChanged,
    /// An attempt was released that another had superseded.
    SupersededReleased,
    /// Something was released after its time.
    ReleasedLate,
    /// Who had lost the record, or never had it, let go of it for another.
    StrangerDetached,
    /// The sweep left something that is overdue.
    LeftOverdue,
    /// A record was taken from an attempt whose replica lives.
    TakenFromTheLiving,
}

/// The records that one Redis has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Redis {
    /// Which life it is.
    pub life: u8,
    pub records: [Option<Record>; ATTEMPTS],
    /// Which record an attempt took up: its reply may get lost.
    pub notes: [Option<u8>; ATTEMPTS],
    pub breach: Option<Breach>,
}

/// The scripts, as configured.
#[derive(Debug, Clone, Copy)]
pub struct Scripts {
    pub terms: Terms,
    pub fault: Option<Fault>,
}

impl Redis {
    pub fn empty() -> Self {
        Self { life: 0, records: [None; ATTEMPTS], notes: [None; ATTEMPTS], breach: None }
    }

    /// The open records.
    pub fn open(&self) -> impl Iterator<Item = usize> {
        (0..ATTEMPTS).filter(|slot| self.records[*slot].is_some_and(|record| record.is_open()))
    }

    fn breach(&mut self, seen: bool, breach: Breach) {
        if seen {
            self.breach.get_or_insert(breach);
        }
    }
}

impl Scripts {
    pub fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Applies a rule to a record as it is under this life of Redis, and watches. `who` is the attempt that acts, if any.
    fn apply(
        &self,
        redis: &mut Redis,
        slot: usize,
        who: Option<usize>,
        rule: impl FnOnce(&mut Approval, Timestamp, Incarnation),
    ) {
        let Some(before) = redis.records[slot] else { return };
        let after = self.applied(redis.life, &before, slot, rule);
        redis.records[slot] = Some(after);
        let released = after.stands != before.stands && matches!(after.stands, Stands::Released { .. });
        let kept = after.holder == before.holder;
        let ended = |record: &Record| (record.stands, record.votes, record.holder);
        redis.breach(!before.is_open() && ended(&after) != ended(&before), Breach::FinalChanged);
        redis.breach(before.stands != Stands::Pending && after.votes != before.votes, Breach::FinalChanged);
        redis.breach(released && before.overdue, Breach::ReleasedLate);
        let superseded = released && kept && before.holder.map(usize::from) != who;
        redis.breach(superseded, Breach::SupersededReleased);
    }

    fn applied(
        &self,
        at: u8,
        record: &Record,
        slot: usize,
        rule: impl FnOnce(&mut Approval, Timestamp, Incarnation),
    ) -> Record {
        let on_time = Record { overdue: record.overdue && !self.has(Fault::NoDeadline), ..*record };
        let (mut approval, now) = on_time.approval(slot, self.terms);
        let here = match record.under {
            Some(under) if self.has(Fault::NoIncarnationCheck) => under,
            _ => at,
        };
        rule(&mut approval, now, life(here));
        record.read(&approval)
    }

    /// The record that the attempt now belongs to: its own, one that it takes up, or a new one. `gone` are the attempts
    /// whose replicas look dead.
    pub fn park(&self, redis: &mut Redis, attempt: usize, gone: [bool; ATTEMPTS]) -> usize {
        let is_gone = |holder: u8| gone[usize::from(holder)];
        let free = |slot: usize| {
            let Some(record) = redis.records[slot] else { return false };
            let identical = caller_of(slot) == caller_of(attempt) || self.has(Fault::NoFingerprintCheck);
            let unheld = record.holder.is_none_or(is_gone) || self.has(Fault::NoHolderCheckInPark);
            let taken = self.applied(redis.life, &record, slot, |approval, now, here| {
                approval.take_up(holder(attempt), now, here);
            });
            identical && unheld && taken != record
        };
        let approved =
            |slot: usize| redis.records[slot].is_some_and(|record| record.stands == Stands::Approved);
        let own = redis.notes[attempt].map_or(attempt, usize::from);
        let found = match redis.records[own] {
            Some(_) if !free(own) => return own,
            Some(_) => Some(own),
            None => (0..ATTEMPTS).filter(|slot| free(*slot)).min_by_key(|slot| (!approved(*slot), *slot)),
        };
        let Some(slot) = found else {
            redis.records[attempt] = Some(Record::parked(attempt, self.terms));
            return attempt;
        };
        let held = redis.records[slot].and_then(|record| record.holder);
        redis.breach(held.is_some_and(|holder| !is_gone(holder)), Breach::TakenFromTheLiving);
        self.apply(redis, slot, Some(attempt), |approval, now, here| {
            approval.take_up(holder(attempt), now, here);
        });
        redis.notes[attempt] = Some(slot as u8);
        slot
    }

    /// Counts a vote on what a life of Redis showed, if the reviewer may cast it. Returns whether it counts, now or from
    /// before.
    pub fn vote(&self, redis: &mut Redis, slot: usize, decision: u8, verdict: Verdict, seen_in: u8) -> bool {
        let subject = reviewer(usize::from(decision) / CLICKS);
        let seen_in = if self.has(Fault::NoSeenLifeCheck) { redis.life } else { seen_in };
        let cast = vote(decision, verdict, seen_in);
        let mut counted = false;
        self.apply(redis, slot, None, |approval, now, here| {
            let (votes, state) = (approval.votes.clone(), approval.state);
            if self.has(Fault::LastDecisionWins) {
                approval.state = State::Pending;
            }
            if self.has(Fault::NoVotedCheck) {
                approval.votes.iter_mut().for_each(|vote| vote.reviewer = Subject("somebody else".into()));
            }
            let reviewer = Reviewer {
                subject,
                groups: Membership::All,
                roles: Role::ALL.into_iter().collect(),
                proof: "test".into(),
            };
            let allowed = match may_decide(&reviewer, approval) {
                Err(NotAllowed::OwnCall) => self.has(Fault::NoOwnCallCheck),
                // The rest the store checks again.
                _ => true,
            };
            counted = allowed && approval.vote(cast, now, here).is_ok();
            if approval.votes.len() == votes.len() {
                approval.state = state;
            }
            approval.votes.iter_mut().zip(votes).for_each(|(vote, was)| *vote = was);
        });
        counted
    }

    /// Releases the record to the attempt, if it may be.
    pub fn claim(&self, redis: &mut Redis, slot: usize, attempt: usize) {
        self.apply(redis, slot, Some(attempt), |approval, now, here| {
            let mut asked = fingerprint(caller_of(attempt));
            if self.has(Fault::NoFingerprintCheck) {
                asked = approval.held.fingerprint;
            }
            let held = approval.holder;
            if self.has(Fault::NoAttemptCheckInClaim) {
                approval.holder = Some(holder(attempt));
            }
            approval.claim(attempt_id(attempt), &asked, now, here);
            approval.holder = held;
        });
    }

    /// The second half of a claim that is not one step: what was read may no longer stand.
    pub fn write_claim(&self, redis: &mut Redis, slot: usize, attempt: usize) {
        self.apply(redis, slot, Some(attempt), |approval, now, _| {
            approval.state = State::Released { at: now, attempt: attempt_id(attempt) };
        });
    }

    /// Notes that the attempt no longer waits: for this record, or where there is none of its own for the one that it
    /// took up.
    pub fn detach(&self, redis: &mut Redis, slot: usize, attempt: usize, departure: Departure) {
        let noted = |record: &Option<Record>| record.is_some_and(|r| r.holder == Some(attempt as u8));
        let slot = match redis.records[slot] {
            Some(_) => slot,
            None => redis.records.iter().position(noted).unwrap_or(slot),
        };
        let before = redis.records[slot];
        self.apply(redis, slot, None, |approval, now, _| {
            let mut who = attempt_id(attempt);
            if let Some(held) = approval.holder.filter(|_| self.has(Fault::NoAttemptCheckInDetach)) {
                who = held.attempt;
            }
            approval.detach(who, departure, now);
        });
        let holds = before.is_some_and(|record| record.holder == Some(attempt as u8));
        redis.breach(!holds && redis.records[slot] != before, Breach::StrangerDetached);
    }

    /// Ends what is overdue.
    pub fn sweep(&self, redis: &mut Redis, slot: usize) {
        self.apply(redis, slot, None, |approval, now, _| _ = approval.lapse(now));
        let left = redis.records[slot].is_some_and(|record| record.overdue);
        redis.breach(left && !self.has(Fault::NoDeadline), Breach::LeftOverdue);
    }

    /// What the record says to the attempt; none while it has to wait.
    pub fn outcome(&self, redis: &Redis, slot: usize, attempt: usize) -> Option<Outcome> {
        match redis.records[slot] {
            Some(record) => {
                let (approval, _) = record.approval(slot, self.terms);
                let mut asked = fingerprint(caller_of(attempt));
                if self.has(Fault::NoFingerprintCheck) {
                    asked = approval.held.fingerprint;
                }
                Outcome::of(&approval, attempt_id(attempt), &asked)
            }
            None => Some(Outcome::StoreUnavailable),
        }
    }
}
