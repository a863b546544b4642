//! Two or more who do it at the same moment, again and again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use holdpoint::domain::approval::{Approval, Departure, State, StateKind};
use holdpoint::domain::decision::Verdict;
use holdpoint::domain::sample;
use jiff::Timestamp;
use tokio::sync::Barrier;

use super::stage::{Kind, Stage, approve, attempt, held, reject};

const ROUNDS: usize = 300;

/// Votes of the race against the sweep fall within this time around the deadline.
const NEAR: Duration = Duration::from_micros(600);

/// Runs all at the same moment, on threads of their own where there are enough.
async fn at_once<T: Send + 'static>(actors: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let barrier = Arc::new(Barrier::new(actors.len()));
    let tasks = actors.into_iter().map(|actor| {
        let barrier = Arc::clone(&barrier);
        tokio::spawn(async move {
            barrier.wait().await;
            actor.await
        })
    });
    join_all(tasks).await.into_iter().map(|done| done.expect("no actor panics")).collect()
}

async fn approved(stage: &Stage) -> Approval {
    let parked = stage.park(&sample::held()).await;
    stage.here.vote(&parked.id, &approve("bob")).await.unwrap()
}

pub async fn approve_against_reject(kind: Kind) {
    let stage = kind.stage().await;
    for _ in 0..ROUNDS {
        let parked = stage.park(&sample::held()).await;
        let voters = [(&stage.here, approve("bob")), (&stage.there, reject("eve"))].map(|(store, vote)| {
            let (store, id) = (Arc::clone(store), parked.id.clone());
            async move { store.vote(&id, &vote).await.ok().map(|_| vote.verdict) }
        });
        let counted: Vec<Verdict> = at_once(voters.into()).await.into_iter().flatten().collect();
        let stands = stage.look(&parked.id).await;
        let expected = match counted[..] {
            [Verdict::Approve] => StateKind::Approved,
            [Verdict::Reject] => StateKind::Rejected,
            _ => panic!("both or none counted: {counted:?}"),
        };
        assert_eq!((stands.state.kind(), stands.votes.len(), stands.seq), (expected, 1, 2));
    }
}

pub async fn two_claims(kind: Kind) {
    let stage = kind.stage().await;
    for _ in 0..ROUNDS {
        let approval = approved(&stage).await;
        let claims = [&stage.here, &stage.there].map(|store| {
            let (store, id) = (Arc::clone(store), approval.id.clone());
            let (attempt, fingerprint) = (attempt(&approval), approval.held.fingerprint);
            async move { store.claim(&id, attempt, &fingerprint).await.unwrap().unwrap() }
        });
        for stands in at_once(claims.into()).await {
            assert_eq!((stands.state.kind(), stands.seq), (StateKind::Released, approval.seq + 1));
        }
    }
}

pub async fn two_redeem_one_grant(kind: Kind) {
    let stage = kind.stage().await;
    for _ in 0..ROUNDS {
        let approval = approved(&stage).await;
        stage.here.detach(&approval.id, attempt(&approval), Departure::CallerGone).await.unwrap();
        let retries = [&stage.here, &stage.there].map(|store| {
            let (store, parking) = (Arc::clone(store), stage.parking(&sample::held()));
            async move {
                let parked = store.park(&parking).await.unwrap();
                (parked.release(parking.holder.attempt, &parking.held.fingerprint), parked)
            }
        });
        let answers = at_once(retries.into()).await;
        let released = answers.iter().filter(|(release, _)| release.is_some()).count();
        assert_eq!(released, 1, "{answers:?}");
        for (_, parked) in answers.iter().filter(|(release, _)| release.is_none()) {
            assert_eq!(parked.state, State::Pending, "the other is asked for anew");
            assert_ne!(parked.id, approval.id);
        }
    }
}

pub async fn vote_against_sweep(kind: Kind) {
    let stage = kind.stage().await;
    for round in 0..ROUNDS {
        let parked = stage.park(&held(|h| h.terms.expires = Duration::from_millis(3))).await;
        let around_the_deadline = parked.deadline + Duration::from_micros(4 * round as u64) - NEAR;
        let (store, id) = (Arc::clone(&stage.here), parked.id.clone());
        let voter = tokio::spawn(async move {
            while Timestamp::now() < around_the_deadline {
                tokio::task::yield_now().await;
            }
            store.vote(&id, &approve("bob")).await.is_ok()
        });
        let (store, id) = (Arc::clone(&stage.there), parked.id.clone());
        let sweeper = tokio::spawn(async move {
            loop {
                let swept = store.sweep().await.unwrap().contains(&id);
                if swept || store.look(&id).await.unwrap().unwrap().state != State::Pending {
                    return swept;
                }
            }
        });
        let (voted, swept) = (voter.await.unwrap(), sweeper.await.unwrap());
        let stands = stage.look(&parked.id).await.state.kind();
        let expected = if voted { StateKind::Approved } else { StateKind::Expired };
        assert_eq!((stands, swept), (expected, !voted));
    }
}

pub async fn forty_reviewers_on_a_quorum_of_three(kind: Kind) {
    let stage = kind.stage().await;
    for _ in 0..ROUNDS / 10 {
        let parked = stage.park(&held(|h| h.terms.approvals = 3)).await;
        let voters = (0..40).map(|n| {
            let store = Arc::clone(if n % 2 == 0 { &stage.here } else { &stage.there });
            let id = parked.id.clone();
            async move { store.vote(&id, &approve(&format!("reviewer {n}"))).await.is_ok() }
        });
        let counted = at_once(voters.collect()).await.into_iter().filter(|counted| *counted).count();
        let stands = stage.look(&parked.id).await;
        assert_eq!((counted, stands.votes.len(), stands.state.kind()), (3, 3, StateKind::Approved));
    }
}

pub async fn claim_against_departure(kind: Kind) {
    let stage = kind.stage().await;
    for _ in 0..ROUNDS {
        let approval = approved(&stage).await;
        let (id, attempt, fingerprint) = (approval.id.clone(), attempt(&approval), approval.held.fingerprint);
        let (here, there) = (Arc::clone(&stage.here), Arc::clone(&stage.there));
        let claim = {
            let id = id.clone();
            tokio::spawn(async move {
                let stands = here.claim(&id, attempt, &fingerprint).await.unwrap().unwrap();
                stands.release(attempt, &fingerprint).is_some()
            })
        };
        let leave = tokio::spawn(async move {
            there.detach(&id, attempt, Departure::CallerGone).await.unwrap().unwrap().holder.is_none()
        });
        let (released, left) = (claim.await.unwrap(), leave.await.unwrap());
        assert_ne!(released, left, "either it was released, or it has left");
        let stands = stage.look(&approval.id).await;
        assert_eq!(stands.state.kind() == StateKind::Released, released);
        // The grant would be redeemed by the next round's call.
        if left {
            assert_eq!(stage.park(&sample::held()).await.id, approval.id);
        }
    }
}
