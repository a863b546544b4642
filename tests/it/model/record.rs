//! A record small enough to be explored by the million. It is changed only by the transitions of
//! [`Approval`], so what is checked is what ships; time is two instants, before and after all is overdue.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use holdpoint::domain::approval::{Approval, Held, Holder, State};
use holdpoint::domain::decision::{Verdict, Vote};
use holdpoint::domain::fingerprint::Fingerprint;
use holdpoint::domain::ids::{ApprovalId, AttemptId, DecisionId, Incarnation, ReplicaId, Subject};
use holdpoint::domain::quorum::Marks;
use holdpoint::domain::ruling::Late;
use holdpoint::domain::sample;
use jiff::Timestamp;

/// Attempts, and the records that each may make: one.
pub const ATTEMPTS: usize = 4;
/// Reviewers, and how often each may click.
pub const REVIEWERS: usize = 2;
pub const CLICKS: usize = 2;
const LIVES: usize = 2;

/// Which reviewer's click it was.
pub fn decision(reviewer: usize, click: usize) -> u8 {
    (reviewer * CLICKS + click) as u8
}

/// On whose behalf an attempt calls: two attempts at one call, one at another, a third at the first.
pub fn caller_of(attempt: usize) -> usize {
    usize::from(attempt == 2)
}

/// The rules under which the calls are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Terms {
    pub approvals: u8,
    pub late: bool,
}

/// The record of one held call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    pub stands: Stands,
    pub holder: Option<u8>,
    /// The votes in their order: the number of the decision, and whether it approves.
    pub votes: [Option<(u8, bool)>; REVIEWERS * CLICKS],
    pub void: u8,
    /// The life of Redis that the votes that count were recorded under.
    pub under: Option<u8>,
    pub overdue: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stands {
    Pending,
    Approved,
    Released { to: u8 },
    Rejected,
    Expired,
    Cancelled,
}

/// What stands for the numbers of the model in the real records.
struct Names {
    attempts: Vec<AttemptId>,
    approvals: Vec<ApprovalId>,
    decisions: Vec<DecisionId>,
    lives: Vec<Incarnation>,
    replica: ReplicaId,
    before: Timestamp,
    after: Timestamp,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let before = Timestamp::from_second(1_800_000_000).expect("a time in 2027");
    let queue = sample::terms().queue;
    Names {
        attempts: (0..ATTEMPTS).map(|_| AttemptId::random()).collect(),
        approvals: (0..ATTEMPTS).map(|_| ApprovalId::new(queue.clone(), before)).collect(),
        decisions: (0..REVIEWERS * CLICKS).map(|_| DecisionId::random()).collect(),
        lives: (0..LIVES).map(|life| format!("{life:040x}").parse().expect("40 digits")).collect(),
        replica: ReplicaId::random(),
        before,
        after: before + Duration::from_secs(24 * 3600),
    }
});

static HELD: LazyLock<[[[Arc<Held>; 2]; 2]; 2]> = LazyLock::new(|| {
    let held = |caller: usize, approvals: u8, late: bool| {
        let mut held = sample::held();
        held.fingerprint = caller.to_string().repeat(64).parse().expect("64 digits");
        held.caller.subject = Some(subject_of_caller(caller));
        held.terms.approvals = approvals;
        if !late {
            held.terms.late = Late::Off;
        }
        Arc::new(held)
    };
    [0, 1].map(|caller| [1, 2].map(|approvals| [false, true].map(|late| held(caller, approvals, late))))
});

/// The second caller is the second reviewer too, and must not decide a call of their own.
fn subject_of_caller(caller: usize) -> Subject {
    Subject(if caller == 1 { "reviewer 1".into() } else { "agent".into() })
}

/// A reviewer's name.
pub fn reviewer(number: usize) -> Subject {
    Subject(format!("reviewer {number}"))
}

pub fn attempt_id(attempt: usize) -> AttemptId {
    NAMES.attempts[attempt]
}

pub fn life(number: u8) -> Incarnation {
    NAMES.lives[usize::from(number)]
}

pub fn holder(attempt: usize) -> Holder {
    Holder { attempt: attempt_id(attempt), replica: NAMES.replica, origin: None }
}

pub fn fingerprint(caller: usize) -> Fingerprint {
    HELD[caller][0][0].fingerprint
}

/// The vote that a decision is.
pub fn vote(decision: u8, verdict: Verdict, seen_in: u8) -> Vote {
    Vote {
        decision: NAMES.decisions[usize::from(decision)],
        reviewer: reviewer(usize::from(decision) / CLICKS),
        proof: None,
        verdict,
        marks: Marks::default(),
        reason: None,
        reason_code: None,
        ticket: None,
        fingerprint: None,
        seen_in: Some(life(seen_in)),
        at: NAMES.before,
        trace: None,
    }
}

fn number<T: PartialEq>(names: &[T], name: &T) -> u8 {
    names.iter().position(|other| other == name).expect("a name of the model") as u8
}

impl Record {
    /// A record of the attempt's call, parked just now.
    pub fn parked(attempt: usize, terms: Terms) -> Self {
        let held =
            Arc::clone(&HELD[caller_of(attempt)][usize::from(terms.approvals) - 1][usize::from(terms.late)]);
        let id = NAMES.approvals[attempt].clone();
        let blank = Self {
            stands: Stands::Pending,
            holder: None,
            votes: [None; REVIEWERS * CLICKS],
            void: 0,
            under: None,
            overdue: false,
        };
        blank.read(&Approval::parked(id, held, holder(attempt), NAMES.before, life(0)))
    }

    /// The record as the rules know it, and the time.
    pub fn approval(&self, slot: usize, terms: Terms) -> (Approval, Timestamp) {
        let held =
            Arc::clone(&HELD[caller_of(slot)][usize::from(terms.approvals) - 1][usize::from(terms.late)]);
        let at = NAMES.before;
        let later = NAMES.before + Duration::from_secs(3600);
        let state = match self.stands {
            Stands::Pending => State::Pending,
            Stands::Approved => State::Approved { at, until: later },
            Stands::Released { to } => State::Released { at, attempt: attempt_id(usize::from(to)) },
            Stands::Rejected => State::Rejected { at },
            Stands::Expired => State::Expired { at },
            Stands::Cancelled => {
                State::Cancelled { at, why: holdpoint::domain::approval::Cancellation::CallerLeft }
            }
        };
        let cast = |(decision, approve): (u8, bool)| {
            vote(decision, if approve { Verdict::Approve } else { Verdict::Reject }, 0)
        };
        let approval = Approval {
            id: NAMES.approvals[slot].clone(),
            seq: 1,
            epoch: 1,
            held,
            state,
            holder: self.holder.map(|attempt| holder(usize::from(attempt))),
            left_at: None,
            votes: self.votes.iter().flatten().copied().map(cast).collect(),
            void: usize::from(self.void),
            acts: Vec::new(),
            under: self.under.map(life),
            parked_in: life(0),
            seen_in: life(0),
            created_at: at,
            deadline: later,
        };
        (approval, if self.overdue { NAMES.after } else { NAMES.before })
    }

    /// What the rules made of this record.
    pub fn read(&self, approval: &Approval) -> Self {
        let mut votes = [None; REVIEWERS * CLICKS];
        for (vote, place) in approval.votes.iter().zip(&mut votes) {
            *place = Some((number(&NAMES.decisions, &vote.decision), vote.verdict == Verdict::Approve));
        }
        let stands = match approval.state {
            State::Pending => Stands::Pending,
            State::Approved { .. } => Stands::Approved,
            State::Released { attempt, .. } => Stands::Released { to: number(&NAMES.attempts, &attempt) },
            State::Rejected { .. } => Stands::Rejected,
            State::Expired { .. } => Stands::Expired,
            State::Cancelled { .. } => Stands::Cancelled,
        };
        Self {
            stands,
            holder: approval.holder.map(|holder| number(&NAMES.attempts, &holder.attempt)),
            votes,
            void: approval.void as u8,
            under: approval.under.map(|under| number(&NAMES.lives, &under)),
            // Another state has another deadline; one that has ended has none.
            overdue: self.overdue && stands == self.stands && self.is_open(),
        }
    }

    /// Whether it can still change.
    pub fn is_open(&self) -> bool {
        matches!(self.stands, Stands::Pending | Stands::Approved)
    }

    /// The decisions that count.
    pub fn standing(&self) -> impl Iterator<Item = (u8, bool)> {
        self.votes.into_iter().flatten().skip(usize::from(self.void))
    }
}
