//! A vote is said to be on replicas only when it is.

use holdpoint::domain::ids::DecisionId;

use super::*;
use crate::support::redis_topologies::{Cluster, Server, with_replicas};

fn waiting_for_one(url: String) -> Settings {
    Settings { url, wait_replicas: 1, ..Settings::default() }
}

#[tokio::test]
async fn a_vote_is_replicated_while_replicas_follow_and_stands_without() {
    let servers = with_replicas(1).await;
    let [primary, copy] = &servers[..] else { panic!("a primary and a replica") };
    let here = Replica::up(waiting_for_one(primary.url())).await;
    let (first, second) = (here.park("default").await, here.park("default").await);
    let vote = approve("bob");
    here.store.vote(&first.id, &vote).await.unwrap();
    until("the replica follows", async || {
        here.store.replicated(&first.id, vote.decision).await == Some(true)
    })
    .await;
    assert_eq!(here.store.replicated(&first.id, DecisionId::random()).await, Some(false), "no such vote");

    copy.freeze();
    let vote = approve("bob");
    let standing = here.store.vote(&second.id, &vote).await.unwrap();
    assert_eq!(here.store.replicated(&second.id, vote.decision).await, Some(false));
    assert_eq!(standing.state.kind(), StateKind::Approved);
    assert_eq!(here.claim(&second).await.state.kind(), StateKind::Released);

    copy.thaw();
    until("the replica has caught up", async || {
        here.store.replicated(&second.id, vote.decision).await == Some(true)
    })
    .await;
}

#[tokio::test]
async fn nothing_is_said_of_replicas_that_nobody_asked_for() {
    let redis = Server::start(&[]).await;
    let here = Replica::at(redis.url()).await;
    let (parked, vote) = (here.park("default").await, approve("bob"));
    here.store.vote(&parked.id, &vote).await.unwrap();
    assert_eq!(here.store.replicated(&parked.id, vote.decision).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_of_the_queue_is_asked_in_a_cluster() {
    let redis = Cluster::start().await;
    let here = Replica::up(waiting_for_one(redis.url())).await;
    let (parked, vote) = (here.park("default").await, approve("bob"));
    here.store.vote(&parked.id, &vote).await.unwrap();
    assert_eq!(here.store.replicated(&parked.id, vote.decision).await, Some(false));

    let _copy = redis.add_replica_of("default").await;
    until("it is replicated", async || here.store.replicated(&parked.id, vote.decision).await == Some(true))
        .await;
}
