//! Ending what is overdue, and forgetting what ended long ago.

use std::time::Duration;

use holdpoint::domain::approval::{Cancellation, Departure, State, StateKind};
use holdpoint::domain::ruling::Late;
use holdpoint::domain::sample;

use super::stage::{Kind, approve, attempt, held, reject};
use crate::support::eventually::eventually;

const SOON: Duration = Duration::from_millis(40);

pub async fn what_is_overdue_is_ended_once(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&held(|h| h.terms.expires = SOON)).await;
    let ended = eventually("it is swept", async || {
        let ended = stage.here.sweep().await.unwrap();
        (!ended.is_empty()).then_some(ended)
    })
    .await;
    assert_eq!(ended, vec![parked.id.clone()]);
    let expired = stage.look(&parked.id).await;
    let State::Expired { at } = expired.state else { panic!("{:?}", expired.state) };
    assert!(at >= parked.deadline);
    assert_eq!((expired.seq, expired.holder), (parked.seq + 1, parked.holder));
    assert_eq!(stage.there.sweep().await.unwrap(), []);
    assert_eq!(stage.look(&parked.id).await, expired);
}

pub async fn a_grant_that_nobody_uses_is_cancelled(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&held(|h| h.terms.late = Late::On { grant: SOON })).await;
    stage.here.detach(&parked.id, attempt(&parked), Departure::CallerGone).await.unwrap();
    stage.here.vote(&parked.id, &approve("bob")).await.unwrap();
    let cancelled = stage.swept_into(&parked.id, StateKind::Cancelled).await;
    assert!(matches!(cancelled.state, State::Cancelled { why: Cancellation::GrantUnused, .. }));
}

pub async fn what_is_not_overdue_stays(kind: Kind) {
    let stage = kind.stage().await;
    let pending = stage.park(&sample::held()).await;
    let approved = stage.park(&sample::held()).await;
    let approved = stage.here.vote(&approved.id, &approve("bob")).await.unwrap();
    assert_eq!(stage.here.sweep().await.unwrap(), []);
    assert_eq!(stage.look(&pending.id).await, pending);
    assert_eq!(stage.look(&approved.id).await, approved);
}

pub async fn what_ended_long_ago_is_forgotten(kind: Kind) {
    let stage = kind.stage_that_keeps(SOON).await;
    let open = stage.park(&sample::held()).await;
    let parked = stage.park(&sample::held()).await;
    stage.here.vote(&parked.id, &reject("bob")).await.unwrap();
    eventually("it is forgotten", async || {
        assert_eq!(stage.there.sweep().await.unwrap(), []);
        stage.there.look(&parked.id).await.unwrap().is_none().then_some(())
    })
    .await;
    assert_eq!(stage.look(&open.id).await, open);
}

pub async fn more_than_one_part_is_swept(kind: Kind) {
    let stage = kind.stage().await;
    let short = held(|h| h.terms.expires = SOON);
    let mut parked = Vec::new();
    for n in 0..250 {
        let queue = ["default", "dba"][n % 2];
        let mut held = short.clone();
        held.terms.queue = queue.parse().unwrap();
        parked.push(stage.park(&held).await.id);
    }
    let last = parked.last().unwrap().clone();
    stage.overdue(&last).await;
    let mut ended = stage.here.sweep().await.unwrap();
    ended.sort();
    parked.sort();
    assert_eq!(ended, parked);
}
