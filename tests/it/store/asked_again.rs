//! A gateway asks again about a request, because the replica that held it died; only a shared store can tell.

use holdpoint::domain::approval::State;
use holdpoint::domain::ids::{AttemptId, ReplicaId, RequestId};
use holdpoint::domain::ruling::Late;
use holdpoint::domain::sample;
use holdpoint::store::Parking;

use super::stage::{Kind, Stage, approve, fingerprint, held, reject};

/// The first attempt at a request, and the one that follows it on another replica.
fn attempts(stage: &Stage, late: Late) -> (Parking, Parking) {
    let asked = |n: &str| Some(RequestId(n.to_owned()));
    let first = Parking { request: asked("7"), ..stage.parking(&held(|h| h.terms.late = late)) };
    let mut second = Parking { request: asked("7"), ..stage.parking(&first.held) };
    (second.holder.attempt, second.holder.replica) = (AttemptId::random(), ReplicaId::random());
    (first, second)
}

#[tokio::test]
async fn the_same_request_keeps_its_record_although_the_replica_before_seems_alive() {
    for late in [sample::terms().late, Late::Off] {
        let stage = Kind::Redis.stage().await;
        let (first, second) = attempts(&stage, late);
        let parked = stage.here.park(&first).await.unwrap();

        let taken = stage.there.park(&second).await.unwrap();
        assert_eq!((&taken.id, taken.holder), (&parked.id, Some(second.holder)));
        assert_eq!((taken.epoch, taken.deadline), (2, parked.deadline));

        // The first is not back in because its answer got lost.
        assert_eq!(stage.here.park(&first).await.unwrap(), taken);
        stage.there.vote(&taken.id, &approve("bob")).await.unwrap();
        let call = &first.held.fingerprint;
        let late = stage.here.claim(&taken.id, first.holder.attempt, call).await.unwrap().unwrap();
        assert!(late.release(first.holder.attempt, call).is_none());
        let claimed = stage.there.claim(&taken.id, second.holder.attempt, call).await.unwrap().unwrap();
        assert!(claimed.release(second.holder.attempt, call).is_some());
    }
}

#[tokio::test]
async fn what_was_decided_of_a_request_stands_when_it_is_asked_about_again() {
    let stage = Kind::Redis.stage().await;
    let (first, second) = attempts(&stage, sample::terms().late);
    let parked = stage.here.park(&first).await.unwrap();
    stage.here.vote(&parked.id, &reject("bob")).await.unwrap();
    let stands = stage.there.park(&second).await.unwrap();
    assert_eq!(stands.id, parked.id);
    assert!(matches!(stands.state, State::Rejected { .. }), "{stands:?}");
}

#[tokio::test]
async fn another_call_of_the_same_number_has_a_record_of_its_own() {
    let stage = Kind::Redis.stage().await;
    let (first, mut second) = attempts(&stage, sample::terms().late);
    let parked = stage.here.park(&first).await.unwrap();
    second.held = held(|h| h.fingerprint = fingerprint('9')).into();
    assert_ne!(stage.there.park(&second).await.unwrap().id, parked.id);
}
