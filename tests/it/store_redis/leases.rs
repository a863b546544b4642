//! A replica that dies, or looks dead, and whoever takes up its calls.

use holdpoint::domain::approval::StateKind;
use holdpoint::domain::ids::ReplicaId;
use holdpoint::store::{ApprovalStore, StoreError};
use redis::Commands;

use crate::store::stage::{approve, attempt};
use crate::support::processes::RedisServer;
use crate::support::replica::Replica;

#[tokio::test]
async fn the_call_of_a_dead_replica_is_taken_up() {
    let server = RedisServer::start().await;
    let dead = Replica::at(server.url()).await;
    let parked = dead.park("default").await;
    let alive = Replica::at(server.url()).await;
    // A gateway sends it again long before the lease has run out.
    let again = alive.parking("default");
    let taken = alive.store.park(&again).await.unwrap();
    assert_eq!((&taken.id, taken.holder, taken.epoch), (&parked.id, Some(again.holder), 2));
    assert_ne!(alive.park("default").await.id, parked.id, "it has a holder again");

    let claimed = dead.store.claim(&parked.id, attempt(&parked), &parked.held.fingerprint).await.unwrap();
    assert_eq!(claimed, Some(taken), "who comes back to life has lost it");
}

#[tokio::test]
async fn the_approved_call_of_a_dead_replica_is_released_to_the_next_attempt() {
    let server = RedisServer::start().await;
    let dead = Replica::at(server.url()).await;
    let parked = dead.park("default").await;
    dead.store.vote(&parked.id, &approve("bob")).await.unwrap();
    end_lease(&server, dead.id);
    let alive = Replica::at(server.url()).await;
    let again = alive.parking("default");
    let taken = alive.store.park(&again).await.unwrap();
    assert!(taken.release(again.holder.attempt, &again.held.fingerprint).is_some());
}

#[tokio::test]
async fn a_renewed_lease_keeps_its_calls() {
    let server = RedisServer::start().await;
    let replica = Replica::at(server.url()).await;
    let parked = replica.park("default").await;
    end_lease(&server, replica.id);
    let other = Replica::at(server.url()).await;
    let identical = other.parking("default");
    let alive = async {
        loop {
            replica.store.renew_lease().await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    replica.store.renew_lease().await.unwrap();
    let another = tokio::select! {
        another = other.store.park(&identical) => another.unwrap(),
        () = alive => unreachable!("it renews without end"),
    };
    assert_ne!(another.id, parked.id);
    let queues: Vec<String> = server.connection().smembers("holdpoint:queues").unwrap();
    assert_eq!(queues.len(), 4, "and names its queues");
}

#[tokio::test]
async fn a_replica_whose_lease_has_run_out_releases_nothing_until_it_has_a_new_one() {
    let server = RedisServer::start().await;
    let replica = Replica::at(server.url()).await;
    let parked = replica.park("default").await;
    replica.store.vote(&parked.id, &approve("bob")).await.unwrap();
    end_lease(&server, replica.id);
    let claim = || replica.store.claim(&parked.id, attempt(&parked), &parked.held.fingerprint);
    assert_eq!(claim().await, Err(StoreError::LeaseLost));
    assert_eq!(replica.store.look(&parked.id).await.unwrap().unwrap().state.kind(), StateKind::Approved);

    replica.store.renew_lease().await.unwrap();
    let claimed = claim().await.unwrap().unwrap();
    assert!(claimed.release(attempt(&parked), &parked.held.fingerprint).is_some());
}

/// Makes a replica as dead as one that has not renewed its lease in time.
fn end_lease(server: &RedisServer, replica: ReplicaId) {
    let () = server.connection().zadd("holdpoint:{default}:replicas", replica.to_string(), 1).unwrap();
}
