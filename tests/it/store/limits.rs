//! What is refused without asking anybody, and what callers take back.

use std::time::Duration;

use holdpoint::domain::approval::{Origin, StateKind};
use holdpoint::domain::ids::{RequestKey, SessionKey, Subject};
use holdpoint::domain::ruling::{Cap, Caps, Late};
use holdpoint::domain::sample;
use holdpoint::store::{Parking, StoreError};

use super::stage::{Kind, approve, attempt, held, reject};
use crate::support::eventually::eventually;

pub async fn a_rejection_stands_for_identical_calls_during_its_cool_down(kind: Kind) {
    let stage = kind.stage().await;
    let cooled = held(|h| h.terms.cooldown = Duration::from_secs(3600));
    let first = stage.park(&cooled).await;
    stage.there.vote(&first.id, &reject("bob")).await.unwrap();
    let again = stage.park(&cooled).await;
    assert_eq!((&again.id, again.state.kind()), (&first.id, StateKind::Rejected));
    let other = stage.park(&held(|h| h.fingerprint = "22".repeat(32).parse().unwrap())).await;
    assert_eq!(other.state.kind(), StateKind::Pending, "another call is asked for");
}

pub async fn after_the_cool_down_the_identical_call_is_asked_for_again(kind: Kind) {
    let stage = kind.stage().await;
    let cooled = held(|h| h.terms.cooldown = Duration::from_millis(50));
    let first = stage.park(&cooled).await;
    stage.there.vote(&first.id, &reject("bob")).await.unwrap();
    eventually("the cool-down is over", async || {
        (stage.park(&cooled).await.state.kind() == StateKind::Pending).then_some(())
    })
    .await;
}

pub async fn no_more_than_so_many_are_open_of_one_caller_and_in_one_queue(kind: Kind) {
    let stage = kind.stage().await;
    let caps = Caps { caller: 2, queue: 3, total: u32::MAX };
    let park = async |caller: &str, queue: &str| {
        let held = held(|h| {
            h.caller.subject = Some(Subject(caller.into()));
            h.terms.queue = queue.parse().unwrap();
        });
        stage.here.park(&Parking { caps, ..stage.parking(&held) }).await
    };
    let first = park("alice", "dba").await.unwrap();
    park("alice", "dba").await.unwrap();
    assert_eq!(park("alice", "dba").await, Err(StoreError::Full(Cap::Caller)));
    park("alice", "sre").await.expect("another queue");
    park("bob", "dba").await.expect("another caller");
    assert_eq!(park("carol", "dba").await, Err(StoreError::Full(Cap::Queue)));
    let open = stage.here.count_open().await.unwrap();
    assert_eq!(open.iter().map(|queue| queue.open).sum::<u64>(), 4);
    let dba = open.iter().find(|queue| queue.name == *first.id.queue()).unwrap();
    assert_eq!((dba.open, dba.oldest), (3, Some(first.created_at)));

    stage.there.vote(&first.id, &reject("eve")).await.unwrap();
    park("alice", "dba").await.expect("there is room again");
}

pub async fn what_a_caller_withdraws_is_detached_and_nothing_else(kind: Kind) {
    let stage = kind.stage().await;
    let (mine, other) = (SessionKey::of(&["mine"]), SessionKey::of(&["other"]));
    let park = async |session, request: &str, late| {
        let mut parking = stage.parking(&held(|h| h.terms.late = late));
        parking.holder.origin = Some(Origin { session, request: RequestKey::of(&[request]) });
        stage.here.park(&parking).await.unwrap().id
    };
    let late = Late::On { grant: Duration::from_secs(60) };
    let (one, two) = (park(mine, "1", late).await, park(mine, "2", late).await);
    let (off, foreign) = (park(mine, "3", Late::Off).await, park(other, "1", late).await);
    let waits = async |id| stage.look(id).await.holder.is_some();

    stage.there.withdraw(mine, Some(RequestKey::of(&["1"]))).await.unwrap();
    assert!(!waits(&one).await && waits(&two).await && waits(&off).await && waits(&foreign).await);
    assert_eq!(stage.look(&one).await.state.kind(), StateKind::Pending, "it can still be approved");

    stage.there.withdraw(mine, None).await.unwrap();
    assert!(!waits(&two).await && waits(&foreign).await);
    assert_eq!(stage.look(&off).await.state.kind(), StateKind::Cancelled);
}

pub async fn who_was_withdrawn_and_asks_again_can_be_withdrawn_again(kind: Kind) {
    let stage = kind.stage().await;
    let origin = |n: &str| Some(Origin { session: SessionKey::of(&["s"]), request: RequestKey::of(&[n]) });
    let mut first = stage.parking(&sample::held());
    first.holder.origin = origin("1");
    let id = stage.here.park(&first).await.unwrap().id;
    stage.here.withdraw(SessionKey::of(&["s"]), None).await.unwrap();

    let mut second = stage.parking(&sample::held());
    second.holder.origin = origin("2");
    assert_eq!(stage.here.park(&second).await.unwrap().id, id);
    stage.here.withdraw(SessionKey::of(&["s"]), Some(RequestKey::of(&["1"]))).await.unwrap();
    assert_eq!(stage.look(&id).await.holder, Some(second.holder), "the first request is no longer the one");
    stage.here.withdraw(SessionKey::of(&["s"]), Some(RequestKey::of(&["2"]))).await.unwrap();
    assert_eq!(stage.look(&id).await.holder, None);
}

pub async fn a_withdrawn_attempt_cannot_be_released(kind: Kind) {
    let stage = kind.stage().await;
    let mut parking = stage.parking(&sample::held());
    let session = SessionKey::of(&["s"]);
    parking.holder.origin = Some(Origin { session, request: RequestKey::of(&["1"]) });
    let parked = stage.here.park(&parking).await.unwrap();
    stage.here.withdraw(session, None).await.unwrap();
    stage.here.vote(&parked.id, &approve("bob")).await.unwrap();
    let claimed = stage.here.claim(&parked.id, attempt(&parked), &parked.held.fingerprint).await.unwrap();
    assert_eq!(claimed.unwrap().state.kind(), StateKind::Approved);
}
