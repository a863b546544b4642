//! Who is released, where more than one could be.

use std::sync::Arc;

use holdpoint::domain::approval::{Approval, Departure, Release, State, StateKind};
use holdpoint::domain::fingerprint::Fingerprint;
use holdpoint::domain::ids::AttemptId;
use holdpoint::store::{ApprovalStore, Parking, StoreError};

use super::super::stage::{Kind, Stage, approve, attempt};
use super::{approved, both, call_of, cast, rounds};

/// What an attempt is told, and its proof if it may go on.
type Told = (Approval, Option<Release>);

async fn claim(store: Arc<dyn ApprovalStore>, on: Approval, who: AttemptId, call: Fingerprint) -> Told {
    let stands = match store.claim(&on.id, who, &call).await {
        // Told to come again once it has a lease; that it did not happen, the record says.
        Err(StoreError::LeaseLost) => return (store.look(&on.id).await.unwrap().unwrap(), None),
        stands => stands.unwrap().unwrap(),
    };
    let release = stands.release(who, &call);
    (stands, release)
}

async fn park(store: Arc<dyn ApprovalStore>, parking: Parking) -> Told {
    let parked = store.park(&parking).await.unwrap();
    let release = parked.release(parking.holder.attempt, &parking.held.fingerprint);
    (parked, release)
}

pub async fn two_claims(kind: Kind) {
    let stage = kind.stage().await;
    for round in rounds() {
        let approval = approved(&stage, &call_of(round)).await;
        let (who, call) = (attempt(&approval), approval.held.fingerprint);
        let (one, other) = both(
            claim(Arc::clone(&stage.here), approval.clone(), who, call),
            claim(Arc::clone(&stage.there), approval.clone(), who, call),
        )
        .await;
        let stands = stage.look(&approval.id).await;
        assert_eq!((stands.state.kind(), stands.seq), (StateKind::Released, approval.seq + 1));
        assert_eq!((one.0, other.0), (stands.clone(), stands), "one attempt, one release, told twice");
    }
}

pub async fn two_redeem_one_grant(kind: Kind) {
    let stage = kind.stage().await;
    for round in rounds() {
        let call = call_of(round);
        let approval = approved(&stage, &call).await;
        stage.here.detach(&approval.id, attempt(&approval), Departure::CallerGone).await.unwrap();
        let retries = both(
            park(Arc::clone(&stage.here), stage.parking(&call)),
            park(Arc::clone(&stage.there), stage.parking(&call)),
        );
        let (one, other) = retries.await;
        let (redeemed, asked_anew) = if one.1.is_some() { (one, other) } else { (other, one) };
        assert!(redeemed.1.is_some() && asked_anew.1.is_none(), "{redeemed:?} {asked_anew:?}");
        assert_eq!(stage.look(&approval.id).await, redeemed.0);
        assert_eq!(asked_anew.0.state, State::Pending);
        assert_ne!(asked_anew.0.id, approval.id);
    }
}

pub async fn approve_against_re_attach(kind: Kind) {
    let stage = kind.stage().await;
    for round in rounds() {
        let call = call_of(round);
        let parked = stage.park(&call).await;
        stage.here.detach(&parked.id, attempt(&parked), Departure::CallerGone).await.unwrap();
        let again = stage.parking(&call);
        let who = again.holder.attempt;
        let vote = cast(Arc::clone(&stage.there), parked.clone(), approve("bob"));
        let ((told, refused), (taken, released)) = both(vote, park(Arc::clone(&stage.here), again)).await;
        assert_eq!((refused, told.state.kind(), &taken.id), (None, StateKind::Approved, &parked.id));
        let claimed = claim(Arc::clone(&stage.here), parked.clone(), who, call.fingerprint).await;
        assert!(claimed.1.is_some());
        match released {
            Some(_) => assert_eq!(claimed.0, taken, "released by the park, and not again"),
            None => assert_eq!((taken.state, claimed.0.seq), (State::Pending, taken.seq + 2)),
        }
        assert_eq!(
            claim(Arc::clone(&stage.here), parked.clone(), attempt(&parked), call.fingerprint).await.1,
            None
        );
    }
}

pub async fn claim_against_departure(kind: Kind) {
    let stage = kind.stage().await;
    for round in rounds() {
        let approval = approved(&stage, &call_of(round)).await;
        let (who, call) = (attempt(&approval), approval.held.fingerprint);
        let (store, id) = (Arc::clone(&stage.there), approval.id.clone());
        let leave = async move { store.detach(&id, who, Departure::CallerGone).await.unwrap().unwrap() };
        let claims = claim(Arc::clone(&stage.here), approval.clone(), who, call);
        let ((told, release), left) = both(claims, leave).await;
        let stands = stage.look(&approval.id).await;
        assert_ne!(release.is_some(), left.holder.is_none(), "either it was released, or it has left");
        assert_eq!(stands.state.kind() == StateKind::Released, release.is_some());
        assert_eq!((told, left), (stands.clone(), stands), "both are told what stands");
    }
}

pub async fn park_again_against_a_holder_that_lost_its_lease(kind: Kind) {
    let stage = kind.stage().await;
    for round in rounds() {
        let call = call_of(round);
        let approval = approved(&stage, &call).await;
        let old = attempt(&approval);
        stage.presume_dead(&approval).await;
        let again = stage.parking_elsewhere(&call);
        let new = again.holder.attempt;
        let (late, early) = both(
            claim(Arc::clone(&stage.here), approval.clone(), old, call.fingerprint),
            park(Arc::clone(&stage.there), again),
        )
        .await;
        assert_eq!(usize::from(late.1.is_some()) + usize::from(early.1.is_some()), 1, "{late:?} {early:?}");
        let stands = stage.look(&approval.id).await;
        let to = if late.1.is_some() { old } else { new };
        assert!(matches!(stands.state, State::Released { attempt, .. } if attempt == to), "{stands:?}");
        late_ones_get_nothing(&stage, &stands, old, new).await;
    }
}

/// Neither attempt gets more out of a record than was given.
async fn late_ones_get_nothing(stage: &Stage, stands: &Approval, old: AttemptId, new: AttemptId) {
    for who in [old, new] {
        let told = claim(Arc::clone(&stage.here), stands.clone(), who, stands.held.fingerprint).await;
        assert_eq!(told.0, *stands);
        stage.there.detach(&stands.id, who, Departure::CallerGone).await.unwrap();
        assert_eq!(stage.look(&stands.id).await, *stands);
    }
}

pub async fn a_vote_against_two_who_believe_that_they_hold(kind: Kind) {
    let stage = kind.stage().await;
    for round in rounds() {
        let call = call_of(round);
        let parked = stage.park(&call).await;
        let old = attempt(&parked);
        stage.presume_dead(&parked).await;
        let again = stage.parking_elsewhere(&call);
        let new = again.holder.attempt;
        let taken = stage.there.park(&again).await.unwrap();
        assert_eq!(taken.id, parked.id);
        let (store, on, fingerprint) = (Arc::clone(&stage.here), parked.clone(), call.fingerprint);
        let stale = async move {
            let claimed = claim(Arc::clone(&store), on.clone(), old, fingerprint).await;
            store.detach(&on.id, old, Departure::HoldOver).await.unwrap();
            claimed
        };
        let vote = cast(Arc::clone(&stage.there), parked.clone(), approve("bob"));
        let ((_, stale), (_, refused)) = both(stale, vote).await;
        assert_eq!((stale, refused), (None, None));
        let claimed = claim(Arc::clone(&stage.there), taken, new, call.fingerprint).await;
        assert!(claimed.1.is_some(), "who holds it is released, whatever the other tried: {:?}", claimed.0);
    }
}
