//! Whom a store rings.

use std::time::Duration;

use holdpoint::domain::approval::{Departure, StateKind};
use holdpoint::domain::sample;

use super::stage::{Kind, approve, attempt, fingerprint, held, reject};

pub async fn every_change_rings_who_listens(kind: Kind) {
    let stage = kind.stage().await;
    let parking = stage.parking(&held(|h| h.terms.approvals = 2));
    let id = &parking.id;
    stage.here.listen(id).await.unwrap();
    let parked = stage.there.park(&parking).await.unwrap();
    stage.rung.until_rung(id, 1).await;
    stage.there.vote(id, &approve("bob")).await.unwrap();
    stage.rung.until_rung(id, 2).await;
    stage.there.detach(id, attempt(&parked), Departure::CallerGone).await.unwrap();
    stage.rung.until_rung(id, 3).await;
    stage.there.vote(id, &approve("eve")).await.unwrap();
    stage.rung.until_rung(id, 4).await;
    let taken = stage.there.park(&stage.parking(&parking.held)).await.unwrap();
    assert_eq!((&taken.id, taken.state.kind()), (id, StateKind::Released));
    stage.rung.until_rung(id, 5).await;

    let parked = stage.park(&held(|h| h.terms.expires = Duration::from_millis(40))).await;
    stage.here.listen(&parked.id).await.unwrap();
    let before = stage.rung.rings(&parked.id);
    stage.swept_into(&parked.id, StateKind::Expired).await;
    stage.rung.until_rung(&parked.id, before + 1).await;

    let parked = stage.park(&sample::held()).await;
    stage.here.listen(&parked.id).await.unwrap();
    stage.there.vote(&parked.id, &approve("bob")).await.unwrap();
    let before = stage.rung.rings(&parked.id);
    stage.there.claim(&parked.id, attempt(&parked), &parked.held.fingerprint).await.unwrap();
    stage.rung.until_rung(&parked.id, before + 1).await;
}

pub async fn a_listener_among_several_may_leave(kind: Kind) {
    let stage = kind.stage().await;
    let parking = stage.parking(&sample::held());
    stage.here.listen(&parking.id).await.unwrap();
    stage.here.listen(&parking.id).await.unwrap();
    stage.here.forget(&parking.id);
    stage.there.park(&parking).await.unwrap();
    stage.rung.until_rung(&parking.id, 1).await;
}

pub async fn who_listens_again_at_once_is_still_rung(kind: Kind) {
    let stage = kind.stage().await;
    for _ in 0..200 {
        let parking = stage.parking(&held(|h| h.fingerprint = fingerprint('6')));
        stage.here.listen(&parking.id).await.unwrap();
        for _ in 0..3 {
            stage.here.forget(&parking.id);
            stage.here.listen(&parking.id).await.unwrap();
        }
        stage.there.park(&parking).await.unwrap();
        stage.rung.until_rung(&parking.id, 1).await;
    }
}

pub async fn every_change_is_told_to_those_who_watch_a_queue(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&held(|h| h.terms.queue = "dba".parse().unwrap())).await;
    stage.rung.until_told(&parked.id, 1).await;
    stage.there.vote(&parked.id, &approve("bob")).await.unwrap();
    stage.rung.until_told(&parked.id, 2).await;
    stage.there.claim(&parked.id, attempt(&parked), &parked.held.fingerprint).await.unwrap();
    stage.rung.until_told(&parked.id, 3).await;
}

pub async fn what_changes_nothing_does_not_ring(kind: Kind) {
    let stage = kind.stage().await;
    let parking = stage.parking(&sample::held());
    stage.here.listen(&parking.id).await.unwrap();
    let parked = stage.here.park(&parking).await.unwrap();
    stage.here.park(&parking).await.unwrap();
    stage.here.claim(&parked.id, attempt(&parked), &fingerprint('9')).await.unwrap();
    stage.here.sweep().await.unwrap();
    stage.here.vote(&parked.id, &reject("bob")).await.unwrap();
    stage.here.vote(&parked.id, &reject("eve")).await.unwrap_err();
    stage.here.detach(&parked.id, attempt(&parked), Departure::CallerGone).await.unwrap();
    let last = stage.park(&held(|h| h.fingerprint = fingerprint('8'))).await;
    stage.rung.until_told(&last.id, 1).await;
    assert_eq!((stage.rung.rings(&parked.id), stage.rung.changes(&parked.id)), (2, 2));
}
