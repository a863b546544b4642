//! The records as the rules alone would have them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use holdpoint::domain::act::Act as Deed;
use holdpoint::domain::approval::{Approval, Held, Holder, State, StateKind};
use holdpoint::domain::decision::{Verdict, Vote};
use holdpoint::domain::fingerprint::Fingerprint;
use holdpoint::domain::ids::{ApprovalId, AttemptId, DecisionId, Incarnation, ReplicaId, Subject};
use holdpoint::domain::ruling::{Late, Terms};
use holdpoint::domain::sample;
use holdpoint::store::Parking;
use jiff::Timestamp;
use proptest::sample::Index;
use uuid::Uuid;

use super::history::{Act, Answer, SeenCall, SeenLife, Step};
use crate::store::stage::{fingerprint, members_of, one_of_each};

/// Longer than anything stays open.
pub const LONG: Duration = Duration::from_secs(3600);

/// What can be compared of a record: times are each store's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    id: ApprovalId,
    state: StateKind,
    released_to: Option<AttemptId>,
    holder: Option<Holder>,
    has_left: bool,
    votes: Vec<(DecisionId, Subject, Verdict)>,
    acts: Vec<DecisionId>,
    void: usize,
    may_have_run: bool,
    epoch: u64,
    seq: u64,
}

impl From<&Approval> for Seen {
    fn from(approval: &Approval) -> Self {
        Self {
            id: approval.id.clone(),
            state: approval.state.kind(),
            released_to: match approval.state {
                State::Released { attempt, .. } => Some(attempt),
                _ => None,
            },
            holder: approval.holder,
            has_left: approval.left_at.is_some(),
            votes: approval.votes.iter().map(|v| (v.decision, v.reviewer.clone(), v.verdict)).collect(),
            acts: approval.acts.iter().map(|act| act.id).collect(),
            void: approval.void,
            may_have_run: approval.may_have_run(),
            epoch: approval.epoch,
            seq: approval.seq,
        }
    }
}

/// Records under the rules, and whom a history has brought up so far.
pub struct Reference {
    records: BTreeMap<ApprovalId, Approval>,
    /// Which record an attempt took up.
    notes: HashMap<AttemptId, ApprovalId>,
    now: Timestamp,
    here: Incarnation,
    lives: u32,
    replicas: [ReplicaId; 2],
    dead: BTreeSet<usize>,
    parkings: Vec<Parking>,
    votes: Vec<(ApprovalId, Vote)>,
    acts: Vec<(ApprovalId, Deed)>,
}

impl Default for Reference {
    fn default() -> Self {
        Self {
            records: BTreeMap::new(),
            notes: HashMap::new(),
            now: start(),
            here: incarnation(0),
            lives: 0,
            replicas: [ReplicaId::random(), ReplicaId::random()],
            dead: BTreeSet::new(),
            parkings: Vec::new(),
            votes: Vec::new(),
            acts: Vec::new(),
        }
    }
}

/// When histories begin.
pub fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a time in 2027")
}

fn incarnation(life: u32) -> Incarnation {
    format!("{life:040x}").parse().expect("40 digits")
}

/// The groups of the reviewers.
const MEMBERSHIPS: [&[&str]; 3] = [&["dba"], &["security"], &["dba", "security"]];

/// The calls of the histories: one approval needed; one out of each of two groups, and a cool-down; and one that
/// departure cancels.
fn held(call: usize) -> Held {
    let mut held = sample::held();
    held.fingerprint = fingerprint(['1', '2', '3'][call]);
    if call == 1 {
        held.terms = Terms { cooldown: LONG / 2, ..one_of_each(&["dba", "security"]) };
    }
    if call == 2 {
        held.terms.late = Late::Off;
    }
    held
}

fn pick<T: Clone>(from: &[T], index: &Index) -> Option<T> {
    (!from.is_empty()).then(|| index.get(from).clone())
}

impl Reference {
    /// All records.
    pub fn records(&self) -> Vec<Seen> {
        self.records.values().map(Seen::from).collect()
    }

    /// For each record the numbers of its changes, from the first to the last.
    pub fn changes(&self) -> BTreeMap<ApprovalId, Vec<u64>> {
        self.records.values().map(|record| (record.id.clone(), (1..=record.seq).collect())).collect()
    }

    /// All records, whole.
    pub fn whole(&self) -> impl Iterator<Item = &Approval> {
        self.records.values()
    }

    /// The life that the rules are in.
    pub fn here(&self) -> Incarnation {
        self.here
    }

    /// Whether the claim would change the record, but for the lease of its replica.
    fn is_without_lease(&self, id: &ApprovalId, attempt: AttemptId, fingerprint: &Fingerprint) -> bool {
        self.records.get(id).is_some_and(|record| {
            let mut claimed = record.clone();
            claimed.claim(attempt, fingerprint, self.now, self.here);
            claimed != *record && record.holder.is_some_and(|holder| !self.lives(holder.replica))
        })
    }

    /// Whether a replica whose attempt this is lives.
    fn lives(&self, replica: ReplicaId) -> bool {
        !self.dead.iter().any(|dead| self.replicas[*dead] == replica)
    }

    /// The step with whom it is done to; none where there is nobody yet.
    pub fn cast(&mut self, step: &Step) -> Option<Act> {
        let records: Vec<&Approval> = self.records.values().collect();
        let attempts: Vec<AttemptId> = self.parkings.iter().map(|parking| parking.holder.attempt).collect();
        let any_attempt = |by: &Option<Index>, record: &Approval| match by {
            Some(by) => pick(&attempts, by),
            None => record.holder.map(|holder| holder.attempt),
        };
        Some(match step {
            Step::Park { call, replica } => {
                let held = Arc::new(held(*call));
                let key = Uuid::from_u128(self.parkings.len() as u128 + 1);
                let id = ApprovalId::with_key(held.terms.queue.clone(), key);
                let holder =
                    Holder { attempt: AttemptId::random(), replica: self.replicas[*replica], origin: None };
                let parking = Parking { id, held, holder, caps: sample::UNLIMITED };
                self.parkings.push(parking.clone());
                Act::Park(parking)
            }
            Step::ParkAgain { attempt } => Act::Park(pick(&self.parkings, attempt)?),
            Step::Vote { record, reviewer, verdict, seen, seen_in } => {
                let record = pick(&records, record)?;
                let vote = Vote {
                    decision: DecisionId::random(),
                    reviewer: Subject(format!("reviewer {reviewer}")),
                    proof: None,
                    verdict: *verdict,
                    marks: record.held.terms.marks(&members_of(MEMBERSHIPS[*reviewer])),
                    reason: None,
                    reason_code: None,
                    ticket: None,
                    fingerprint: match seen {
                        SeenCall::Unsaid => None,
                        SeenCall::Recorded => Some(record.held.fingerprint),
                        SeenCall::Other => Some(fingerprint('9')),
                    },
                    seen_in: match seen_in {
                        SeenLife::Unsaid => None,
                        SeenLife::Present => Some(self.here),
                        SeenLife::Other => Some(incarnation(u32::MAX)),
                    },
                    at: self.now,
                    trace: None,
                };
                let cast = (record.id.clone(), vote);
                self.votes.push(cast.clone());
                Act::Vote(cast.0, cast.1)
            }
            Step::VoteAgain { vote } => {
                let (id, vote) = pick(&self.votes, vote)?;
                Act::Vote(id, vote)
            }
            Step::Act { record, verb } => {
                let deed = Deed {
                    id: DecisionId::random(),
                    by: Subject("olga".into()),
                    proof: None,
                    verb: *verb,
                    reason: None,
                    seen_in: None,
                    at: self.now,
                };
                let done = (pick(&records, record)?.id.clone(), deed);
                self.acts.push(done.clone());
                Act::Deed(done.0, done.1)
            }
            Step::ActAgain { act } => {
                let (id, deed) = pick(&self.acts, act)?;
                Act::Deed(id, deed)
            }
            Step::Claim { record, by, other_call } => {
                let record = pick(&records, record)?;
                let asked = if *other_call { fingerprint('9') } else { record.held.fingerprint };
                Act::Claim(record.id.clone(), any_attempt(by, record)?, asked)
            }
            Step::Detach { record, by, departure } => {
                let record = pick(&records, record)?;
                Act::Detach(record.id.clone(), any_attempt(by, record)?, *departure)
            }
            Step::Look { record } => Act::Look(pick(&records, record)?.id.clone()),
            Step::Sweep => Act::Sweep,
            Step::List => Act::List,
            Step::TimePasses => Act::TimePasses,
            Step::LeaseEnds { replica } => Act::LeaseEnds(self.replicas[*replica]),
            Step::Restart => Act::Restart,
        })
    }

    /// Whether this sends a park again that took up a record.
    pub fn is_sent_again(&self, act: &Act) -> bool {
        let note = |parking: &Parking| self.notes.get(&parking.holder.attempt).map(|id| *id != parking.id);
        matches!(act, Act::Park(parking) if note(parking) == Some(true))
    }

    /// What the rules make of it.
    pub fn play(&mut self, act: &Act) -> Answer {
        let (now, here) = (self.now, self.here);
        match act {
            Act::Park(parking) => Answer::Stands(Some(self.park(parking))),
            Act::Vote(id, vote) => {
                let record = self.records.get_mut(id).expect("a record is voted on that is there");
                match record.vote(vote.clone(), now, here) {
                    Ok(()) => Answer::Stands(Some(Seen::from(&*record))),
                    Err(why) => Answer::Refused(why, Seen::from(&*record)),
                }
            }
            Act::Deed(id, deed) => {
                let record = self.records.get_mut(id).expect("a record is acted on that is there");
                match record.act(deed.clone(), now, here) {
                    Ok(()) => Answer::Stands(Some(Seen::from(&*record))),
                    Err(why) => Answer::Undone(why, Seen::from(&*record)),
                }
            }
            Act::Claim(id, attempt, fingerprint) if self.is_without_lease(id, *attempt, fingerprint) => {
                Answer::NoLease
            }
            Act::Claim(id, attempt, fingerprint) => {
                self.change(id, |record| record.claim(*attempt, fingerprint, now, here))
            }
            Act::Detach(id, attempt, departure) => {
                self.change(id, |record| record.detach(*attempt, *departure, now))
            }
            Act::Look(id) => self.change(id, |_| ()),
            Act::Sweep => {
                let ended = self.records.values_mut().filter_map(|r| r.lapse(now).then(|| r.id.clone()));
                Answer::Swept(ended.collect())
            }
            Act::List => Answer::Listed(self.records.keys().cloned().collect()),
            Act::TimePasses => {
                self.now += LONG;
                Answer::Nothing
            }
            Act::LeaseEnds(replica) => {
                self.dead.extend(self.replicas.iter().position(|other| other == replica));
                Answer::Nothing
            }
            Act::Restart => {
                self.lives += 1;
                self.here = incarnation(self.lives);
                self.records.values_mut().for_each(|record| record.seen_in = self.here);
                Answer::Nothing
            }
        }
    }

    fn change(&mut self, id: &ApprovalId, rule: impl FnOnce(&mut Approval)) -> Answer {
        let record = self.records.get_mut(id);
        Answer::Stands(record.map(|record| {
            rule(record);
            Seen::from(&*record)
        }))
    }

    fn park(&mut self, parking: &Parking) -> Seen {
        let (now, here, holder) = (self.now, self.here, parking.holder);
        self.dead.retain(|dead| self.replicas[*dead] != holder.replica);
        let free = |record: &Approval| {
            record.held.fingerprint == parking.held.fingerprint
                && record.holder.is_none_or(|holder| !self.lives(holder.replica))
                && record.clone().take_up(holder, now, here)
        };
        let own = self.notes.get(&holder.attempt).unwrap_or(&parking.id);
        let rejected = |r: &&Approval| {
            r.held.fingerprint == parking.held.fingerprint
                && r.rejects_again(parking.held.terms.cooldown, now)
        };
        if !self.records.contains_key(own)
            && let Some(record) = self.records.values().rfind(rejected)
        {
            return Seen::from(record);
        }
        let found = match self.records.get(own) {
            Some(record) if !free(record) => return Seen::from(record),
            Some(record) => Some(record),
            None => self
                .records
                .values()
                .filter(|r| free(r))
                .min_by_key(|r| (r.state.kind() != StateKind::Approved, &r.id)),
        };
        match found.map(|record| record.id.clone()) {
            Some(id) => {
                self.notes.insert(holder.attempt, id.clone());
                let record = self.records.get_mut(&id).expect("it was found");
                record.take_up(holder, now, here);
                Seen::from(&*record)
            }
            None => {
                let held = Arc::clone(&parking.held);
                let record = Approval::parked(parking.id.clone(), held, holder, now, here);
                let seen = Seen::from(&record);
                self.records.insert(record.id.clone(), record);
                seen
            }
        }
    }
}
