//! What may happen in a history, and what it is once names are given to whom it happens.

use std::time::Duration;

use holdpoint::domain::act::{Act as Deed, ActRefused, Verb};
use holdpoint::domain::approval::{Departure, VoteRefused};
use holdpoint::domain::decision::{Verdict, Vote};
use holdpoint::domain::fingerprint::Fingerprint;
use holdpoint::domain::ids::{ApprovalId, AttemptId, ReplicaId};
use holdpoint::store::Parking;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::reference::Seen;

/// One step, before it is known what there is.
#[derive(Debug, Clone)]
pub enum Step {
    Park {
        call: usize,
        replica: usize,
    },
    ParkAgain {
        attempt: Index,
    },
    Vote {
        record: Index,
        reviewer: usize,
        verdict: Verdict,
        seen: SeenCall,
        seen_in: SeenLife,
    },
    VoteAgain {
        vote: Index,
    },
    Act {
        record: Index,
        verb: Verb,
    },
    ActAgain {
        act: Index,
    },
    /// By the attempt that holds the record, or by any.
    Claim {
        record: Index,
        by: Option<Index>,
        other_call: bool,
    },
    Detach {
        record: Index,
        by: Option<Index>,
        departure: Departure,
    },
    Look {
        record: Index,
    },
    Sweep,
    List,
    TimePasses,
    LeaseEnds {
        replica: usize,
    },
    Restart,
}

/// What people do beside voting: the last extension is too long.
const VERBS: [Verb; 4] = [
    Verb::Cancel,
    Verb::Revoke,
    Verb::Extend { by: Duration::from_secs(60), longest: Duration::from_secs(3600) },
    Verb::Extend { by: Duration::from_secs(3600), longest: Duration::from_secs(3600) },
];

/// The fingerprint that comes with a vote.
#[derive(Debug, Clone, Copy)]
pub enum SeenCall {
    Unsaid,
    Recorded,
    Other,
}

/// The life of the store that comes with a vote.
#[derive(Debug, Clone, Copy)]
pub enum SeenLife {
    Unsaid,
    Present,
    Other,
}

/// One step, done to somebody.
#[derive(Debug, Clone)]
pub enum Act {
    Park(Parking),
    Vote(ApprovalId, Vote),
    Deed(ApprovalId, Deed),
    Claim(ApprovalId, AttemptId, Fingerprint),
    Detach(ApprovalId, AttemptId, Departure),
    Look(ApprovalId),
    Sweep,
    List,
    TimePasses,
    LeaseEnds(ReplicaId),
    Restart,
}

/// What a store says to it.
#[derive(Debug, PartialEq)]
pub enum Answer {
    Stands(Option<Seen>),
    Refused(VoteRefused, Seen),
    Undone(ActRefused, Seen),
    /// The replica of this attempt has lost its lease.
    NoLease,
    Swept(Vec<ApprovalId>),
    Listed(Vec<ApprovalId>),
    Nothing,
}

/// What every store can do.
pub fn on_any_store() -> impl Strategy<Value = Step> {
    let record = any::<Index>;
    let by = || prop_oneof![3 => Just(None), 1 => any::<Index>().prop_map(Some)];
    let verdict = prop_oneof![3 => Just(Verdict::Approve), 1 => Just(Verdict::Reject)];
    let seen =
        prop_oneof![6 => Just(SeenCall::Unsaid), 2 => Just(SeenCall::Recorded), 1 => Just(SeenCall::Other)];
    let life =
        prop_oneof![4 => Just(SeenLife::Unsaid), 4 => Just(SeenLife::Present), 1 => Just(SeenLife::Other)];
    let departure = select(vec![Departure::CallerGone, Departure::HoldOver, Departure::Draining]);
    prop_oneof![
        5 => (0..3usize, 0..2usize).prop_map(|(call, replica)| Step::Park { call, replica }),
        2 => record().prop_map(|attempt| Step::ParkAgain { attempt }),
        9 => (record(), 0..3usize, verdict, seen, life).prop_map(|(record, reviewer, verdict, seen, seen_in)| {
            Step::Vote { record, reviewer, verdict, seen, seen_in }
        }),
        2 => record().prop_map(|vote| Step::VoteAgain { vote }),
        2 => (record(), select(VERBS.to_vec())).prop_map(|(record, verb)| Step::Act { record, verb }),
        1 => record().prop_map(|act| Step::ActAgain { act }),
        8 => (record(), by(), prop::bool::weighted(0.3))
            .prop_map(|(record, by, other_call)| Step::Claim { record, by, other_call }),
        5 => (record(), by(), departure)
            .prop_map(|(record, by, departure)| Step::Detach { record, by, departure }),
        1 => record().prop_map(|record| Step::Look { record }),
        2 => Just(Step::Sweep),
        1 => Just(Step::List),
        1 => Just(Step::TimePasses),
    ]
}

/// What only Redis can do: a process has one replica, which lives as long as its records.
pub fn on_redis() -> impl Strategy<Value = Step> {
    (0..2usize).prop_map(|replica| Step::LeaseEnds { replica })
}
