//! A change is said to be on replicas only when it is.

use holdpoint::domain::ids::Incarnation;

use super::*;
use crate::support::redis_topologies::{Cluster, Server, with_replicas};

fn waiting_for_one(url: String) -> Settings {
    Settings { url, wait_replicas: 1, ..Settings::default() }
}

#[tokio::test]
async fn a_change_is_replicated_while_replicas_follow_and_stands_without() {
    let servers = with_replicas(1).await;
    let [primary, copy] = &servers[..] else { panic!("a primary and a replica") };
    let here = Replica::up(waiting_for_one(primary.url())).await;
    let (first, second) = (here.listen_and_park("default").await, here.listen_and_park("default").await);
    let voted = here.store.vote(&first.id, &approve("bob")).await.unwrap();
    until("the replica follows", async || here.store.replicated(&voted).await == Some(true)).await;
    let later = Approval { seq: voted.seq + 1, ..voted.clone() };
    assert_eq!(here.store.replicated(&later).await, Some(false), "no such change");
    let elsewhere = Approval { seen_in: Incarnation::ONLY, ..voted };
    assert_eq!(here.store.replicated(&elsewhere).await, Some(false), "of another life");

    copy.freeze();
    let voted = here.store.vote(&second.id, &approve("bob")).await.unwrap();
    assert_eq!(here.store.replicated(&voted).await, Some(false));
    assert_eq!(voted.state.kind(), StateKind::Approved);
    let released = here.claim(&second).await;
    assert_eq!(released.state.kind(), StateKind::Released);
    assert_eq!(here.store.replicated(&released).await, Some(false));

    copy.thaw();
    until("the replica has caught up", async || here.store.replicated(&released).await == Some(true)).await;
}

#[tokio::test]
async fn nothing_is_said_of_replicas_that_nobody_asked_for() {
    let redis = Server::start(&[]).await;
    let here = Replica::at(redis.url()).await;
    let parked = here.listen_and_park("default").await;
    let voted = here.store.vote(&parked.id, &approve("bob")).await.unwrap();
    assert_eq!(here.store.replicated(&voted).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_of_the_queue_is_asked_in_a_cluster() {
    let redis = Cluster::start().await;
    let here = Replica::up(waiting_for_one(redis.url())).await;
    let parked = here.listen_and_park("default").await;
    let voted = here.store.vote(&parked.id, &approve("bob")).await.unwrap();
    assert_eq!(here.store.replicated(&voted).await, Some(false));

    let _copy = redis.add_replica_of("default").await;
    until("it is replicated", async || {
        // A first replica begins another life.
        let standing = here.store.look(&parked.id).await.unwrap().expect("it is there");
        here.store.replicated(&standing).await == Some(true)
    })
    .await;
}
