//! One store in every shape of Redis: a server with TLS or little leave, Sentinels, a cluster.

mod cluster;
mod fitness;
mod lives;
mod replication;
mod sentinel;
mod server;

use std::sync::Arc;

use holdpoint::domain::approval::{Approval, StateKind};
use holdpoint::domain::ids::ReplicaId;
use holdpoint::store::redis::{RedisStore, Settings};
use holdpoint::store::{ApprovalStore, Health};

use crate::store::stage::{Rung, approve, attempt, queues};
use crate::support::eventually::until;
use crate::support::replica::{Replica, everything};

/// What every shape has to do.
async fn the_essentials(settings: Settings) {
    let here = Replica::up(settings.clone()).await;
    let there = Replica::up(settings).await;
    for queue in ["default", "dba", "sre"] {
        here.store.renew_lease().await.unwrap();
        let parked = here.listen_and_park(queue).await;
        assert_eq!(there.store.look(&parked.id).await.unwrap().as_ref(), Some(&parked));
        here.hears_and_is_released(&there, &parked).await;
    }
    assert_eq!(there.store.sweep().await.unwrap(), []);
    let all = there.store.list(&everything()).await.unwrap();
    assert_eq!(all.approvals.len(), 3, "of all queues");
    let left = here.listen_and_park("dba").await;
    here.store
        .detach(&left.id, attempt(&left), holdpoint::domain::approval::Departure::CallerGone)
        .await
        .unwrap();
    let again = there.store.park(&there.parking("dba")).await.unwrap();
    assert_eq!(again.id, left.id);
    here.store.forget(&left.id);
}
