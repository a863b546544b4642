//! Decisions against each other, and against what ends an approval.

use std::sync::Arc;
use std::time::Duration;

use holdpoint::domain::approval::{Departure, State, StateKind, VoteRefused};
use holdpoint::domain::ruling::Late;
use jiff::Timestamp;

use super::super::stage::{Kind, approve, attempt, held, reject};
use super::{at_once, both, call_of, cast, rounds};

/// Votes of the race against the sweep fall within this time around the deadline.
const NEAR: Duration = Duration::from_micros(600);

pub async fn approve_against_reject(kind: Kind) {
    let stage = kind.stage().await;
    for round in rounds() {
        let parked = stage.park(&call_of(round)).await;
        let (yes, no) = both(
            cast(Arc::clone(&stage.here), parked.clone(), approve("bob")),
            cast(Arc::clone(&stage.there), parked.clone(), reject("eve")),
        )
        .await;
        let stands = stage.look(&parked.id).await;
        let (expected, refused) = match (yes.1, no.1) {
            (None, Some(why)) => (StateKind::Approved, why),
            (Some(why), None) => (StateKind::Rejected, why),
            other => panic!("both or none counted: {other:?}"),
        };
        assert_eq!((stands.state.kind(), stands.votes.len(), stands.seq), (expected, 1, 2));
        assert_eq!(refused, VoteRefused::NotOpen);
        assert_eq!((&yes.0, &no.0), (&stands, &stands), "both are told what stands");
    }
}

pub async fn vote_against_sweep(kind: Kind) {
    let stage = kind.stage().await;
    for round in rounds() {
        let mut short = call_of(round);
        short.terms.expires = Duration::from_millis(3);
        let parked = stage.park(&short).await;
        let around_the_deadline = parked.deadline + Duration::from_micros(4 * (round % 300) as u64) - NEAR;
        let (store, on) = (Arc::clone(&stage.here), parked.clone());
        let voter = async move {
            while Timestamp::now() < around_the_deadline {
                tokio::task::yield_now().await;
            }
            cast(store, on, approve("bob")).await
        };
        let (store, id) = (Arc::clone(&stage.there), parked.id.clone());
        let sweeper = async move {
            loop {
                let swept = store.sweep().await.unwrap().contains(&id);
                if swept || store.look(&id).await.unwrap().unwrap().state != State::Pending {
                    return swept;
                }
            }
        };
        let ((told, refused), swept) = both(voter, sweeper).await;
        let stands = stage.look(&parked.id).await;
        let expected = if refused.is_none() { StateKind::Approved } else { StateKind::Expired };
        assert_eq!((stands.state.kind(), swept), (expected, refused.is_some()));
        // Refused after the deadline and before the sweep, it is told of a record that is overdue.
        assert!(told == stands || told.state == State::Pending && told.seq + 1 == stands.seq, "{told:?}");
    }
}

pub async fn approve_against_cancel(kind: Kind) {
    let stage = kind.stage().await;
    for round in rounds() {
        let mut strict = call_of(round);
        strict.terms.late = Late::Off;
        let parked = stage.park(&strict).await;
        let (store, id, who) = (Arc::clone(&stage.there), parked.id.clone(), attempt(&parked));
        let leave = async move { store.detach(&id, who, Departure::CallerGone).await.unwrap().unwrap() };
        let vote = cast(Arc::clone(&stage.here), parked.clone(), approve("bob"));
        let ((told, refused), left) = both(vote, leave).await;
        let stands = stage.look(&parked.id).await;
        assert_eq!((stands.state.kind(), stands.holder), (StateKind::Cancelled, None));
        assert_eq!(left, stands, "who leaves is told what stands");
        assert_eq!(stands.votes.len(), usize::from(refused.is_none()));
        match refused {
            None => assert_eq!(told.state.kind(), StateKind::Approved),
            Some(why) => assert_eq!((why, told), (VoteRefused::NotOpen, stands.clone())),
        }
        let claimed = stage.here.claim(&parked.id, who, &strict.fingerprint).await.unwrap();
        assert_eq!(claimed, Some(stands), "nothing is released after that");
    }
}

pub async fn two_complete_a_quorum(kind: Kind) {
    let stage = kind.stage().await;
    for round in rounds() {
        let mut call = call_of(round);
        call.terms.approvals = 2;
        let parked = stage.park(&call).await;
        let votes = both(
            cast(Arc::clone(&stage.here), parked.clone(), approve("bob")),
            cast(Arc::clone(&stage.there), parked.clone(), approve("eve")),
        );
        let ((one, refused_one), (other, refused_other)) = votes.await;
        let stands = stage.look(&parked.id).await;
        assert_eq!((refused_one, refused_other), (None, None));
        assert_eq!((stands.state.kind(), stands.votes.len()), (StateKind::Approved, 2));
        let completed = [&one, &other].map(|told| *told == stands);
        assert!(completed == [true, false] || completed == [false, true], "one of the two completed it");
    }
}

pub async fn forty_reviewers_on_a_quorum_of_three(kind: Kind) {
    let stage = kind.stage().await;
    for _ in rounds().step_by(20) {
        let parked = stage.park(&held(|h| h.terms.approvals = 3)).await;
        let voters = (0..40).map(|n| {
            let store = Arc::clone(if n % 2 == 0 { &stage.here } else { &stage.there });
            cast(store, parked.clone(), approve(&format!("reviewer {n}")))
        });
        let told = at_once(voters.collect()).await;
        let stands = stage.look(&parked.id).await;
        let counted = told.iter().filter(|(_, refused)| refused.is_none()).count();
        assert_eq!((counted, stands.votes.len(), stands.state.kind()), (3, 3, StateKind::Approved));
        for (standing, _) in told.iter().filter(|(_, refused)| refused.is_some()) {
            assert_eq!(*standing, stands, "who comes too late is told what stands");
        }
    }
}
