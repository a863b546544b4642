//! Attempts that claim, and attempts that leave.

use std::time::Duration;

use holdpoint::domain::approval::{Cancellation, Departure, State, StateKind};
use holdpoint::domain::ids::{ApprovalId, AttemptId};
use holdpoint::domain::ruling::Late;
use holdpoint::domain::sample;
use jiff::Timestamp;

use super::stage::{Kind, approve, attempt, fingerprint, held, reject};

pub async fn an_approved_call_is_released_to_its_attempt_once(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    let (attempt, fingerprint) = (attempt(&parked), parked.held.fingerprint);
    let approved = stage.there.vote(&parked.id, &approve("bob")).await.unwrap();
    assert_eq!(approved.release(attempt, &fingerprint), None);
    let claimed = stage.here.claim(&parked.id, attempt, &fingerprint).await.unwrap().unwrap();
    assert!(claimed.release(attempt, &fingerprint).is_some());
    assert_eq!((claimed.seq, claimed.epoch), (3, 1));
    let again = stage.here.claim(&parked.id, attempt, &fingerprint).await.unwrap().unwrap();
    assert_eq!(
        again, claimed,
        "its reply may have been lost: sent again it shows the same, and changes nothing"
    );
    assert_eq!(stage.look(&parked.id).await, claimed);
}

pub async fn only_the_attempt_that_waits_may_claim(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    let approved = stage.here.vote(&parked.id, &approve("bob")).await.unwrap();
    let stranger = AttemptId::random();
    let stands = stage.here.claim(&parked.id, stranger, &parked.held.fingerprint).await.unwrap().unwrap();
    assert_eq!(stands, approved);
    assert_eq!(stands.release(stranger, &parked.held.fingerprint), None);
}

pub async fn only_the_approved_call_is_released(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    let approved = stage.here.vote(&parked.id, &approve("bob")).await.unwrap();
    let other = fingerprint('2');
    assert_eq!(stage.here.claim(&parked.id, attempt(&parked), &other).await.unwrap(), Some(approved));
}

pub async fn a_pending_call_is_not_released(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    let stands = stage.here.claim(&parked.id, attempt(&parked), &parked.held.fingerprint).await.unwrap();
    assert_eq!(stands, Some(parked));
}

pub async fn a_claim_comes_too_late_after_the_grant(kind: Kind) {
    let stage = kind.stage().await;
    let grant = Duration::from_millis(40);
    let parked = stage.park(&held(|h| h.terms.late = Late::On { grant })).await;
    let approved = stage.here.vote(&parked.id, &approve("bob")).await.unwrap();
    stage.overdue(&parked.id).await;
    let stands = stage.here.claim(&parked.id, attempt(&parked), &parked.held.fingerprint).await.unwrap();
    assert_eq!(stands, Some(approved));
}

pub async fn a_claim_of_nothing_is_none(kind: Kind) {
    let stage = kind.stage().await;
    let id = ApprovalId::new("default".parse().unwrap(), Timestamp::now());
    let attempt = AttemptId::random();
    assert_eq!(stage.here.claim(&id, attempt, &fingerprint('1')).await.unwrap(), None);
    assert_eq!(stage.here.detach(&id, attempt, Departure::CallerGone).await.unwrap(), None);
}

pub async fn an_attempt_that_leaves_keeps_the_approval_open(kind: Kind) {
    let stage = kind.stage().await;
    for departure in [Departure::CallerGone, Departure::HoldOver, Departure::Draining] {
        let parked = stage.park(&held(|h| h.fingerprint = fingerprint('3'))).await;
        let left = stage.here.detach(&parked.id, attempt(&parked), departure).await.unwrap().unwrap();
        assert_eq!((left.state, left.holder, left.seq), (State::Pending, None, parked.seq + 1));
        assert_eq!(left.epoch, parked.epoch + 1);
        assert!(left.left_at.is_some());
        let again = stage.here.detach(&parked.id, attempt(&parked), departure).await.unwrap().unwrap();
        assert_eq!(again, left, "sent again it changes nothing");
        let rejected = stage.here.vote(&parked.id, &reject("bob")).await.unwrap();
        assert_eq!(rejected.left_at, left.left_at);
    }
}

pub async fn an_attempt_that_lost_its_record_changes_nothing(kind: Kind) {
    let stage = kind.stage().await;
    let first = stage.park(&sample::held()).await;
    stage.here.detach(&first.id, attempt(&first), Departure::CallerGone).await.unwrap();
    let second = stage.park(&sample::held()).await;
    assert_eq!(second.id, first.id);
    let stands = stage.here.detach(&first.id, attempt(&first), Departure::CallerGone).await.unwrap();
    assert_eq!(stands, Some(second));
    let approved = stage.here.vote(&first.id, &approve("bob")).await.unwrap();
    let stands = stage.here.claim(&first.id, attempt(&first), &first.held.fingerprint).await.unwrap();
    assert_eq!(stands, Some(approved));
}

pub async fn without_late_approval_departure_ends_it(kind: Kind) {
    let stage = kind.stage().await;
    let strict = held(|h| h.terms.late = Late::Off);
    for (departure, approved, expected) in [
        (Departure::CallerGone, false, StateKind::Cancelled),
        (Departure::HoldOver, false, StateKind::Expired),
        (Departure::Draining, false, StateKind::Cancelled),
        (Departure::HoldOver, true, StateKind::Cancelled),
    ] {
        let parked = stage.park(&strict).await;
        if approved {
            stage.here.vote(&parked.id, &approve("bob")).await.unwrap();
        }
        let left = stage.here.detach(&parked.id, attempt(&parked), departure).await.unwrap().unwrap();
        assert_eq!(left.state.kind(), expected, "{departure:?}, approved: {approved}");
        if let State::Cancelled { why, .. } = left.state {
            assert_eq!(why, Cancellation::CallerLeft);
        }
        assert_eq!(stage.look(&parked.id).await, left);
    }
}

pub async fn a_departure_changes_nothing_that_has_ended(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    let rejected = stage.here.vote(&parked.id, &reject("bob")).await.unwrap();
    let stands = stage.here.detach(&parked.id, attempt(&parked), Departure::CallerGone).await.unwrap();
    assert_eq!(stands, Some(rejected));
}

pub async fn an_attempt_that_does_not_know_what_it_took_up_leaves_that(kind: Kind) {
    let stage = kind.stage().await;
    let first = stage.park(&sample::held()).await;
    stage.here.detach(&first.id, attempt(&first), Departure::CallerGone).await.unwrap();
    let again = stage.parking(&sample::held());
    assert_eq!(stage.here.park(&again).await.unwrap().id, first.id);

    // Its caller hung up before park had answered, so it only knows the id that it asked for.
    let left = stage.here.detach(&again.id, again.holder.attempt, Departure::CallerGone).await.unwrap();
    assert_eq!(left.map(|record| (record.id, record.holder)), Some((first.id, None)));
}
