//! Queues spread over the nodes of a cluster.

use super::server::{denied, documented_leave};
use super::*;
use crate::support::redis_topologies::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queues_on_several_nodes_are_one_store() {
    let redis = Cluster::start().await;
    assert_ne!(redis.holder_of("default").port, redis.holder_of("sre").port);
    the_essentials(Settings { url: redis.url(), ..Settings::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_moves_while_calls_are_parked_still_rings() {
    let redis = Cluster::start().await;
    let (here, there) = (Replica::at(redis.url()).await, Replica::at(redis.url()).await);
    let (moving, staying) = (here.listen_and_park("default").await, here.listen_and_park("sre").await);

    let all = here.rung.all();
    redis.move_slot("default", redis.holder_of("sre"));
    until("the subscriptions are made anew", async || here.rung.all() > all).await;
    here.until_up().await;
    there.until_up().await;

    here.hears_and_is_released(&there, &moving).await;
    here.hears_and_is_released(&there, &staying).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_node_is_noticed_and_repaired() {
    let redis = Cluster::start().await;
    let here = Replica::at(redis.url()).await;
    let parked = here.listen_and_park("default").await;
    let node = redis.holder_of("default");
    node.freeze();
    here.until_down().await;
    node.thaw();
    here.until_up().await;
    until("it answers again", async || here.store.look(&parked.id).await.is_ok()).await;
    let there = Replica::at(redis.url()).await;
    here.hears_and_is_released(&there, &parked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_promoted_takes_over_the_calls_of_its_node() {
    let redis = Cluster::start().await;
    let copy = redis.add_replica_of("default").await;
    let (here, there) = (Replica::at(redis.url()).await, Replica::at(redis.url()).await);
    until("the replica follows", async || {
        redis.holder_of("default").ask::<usize>(&["WAIT", "1", "1000"]) == 1
    })
    .await;
    let (waiting, approved) = (here.listen_and_park("default").await, here.listen_and_park("default").await);
    there.store.vote(&approved.id, &approve("bob")).await.unwrap();

    let all = here.rung.all();
    copy.ask::<()>(&["CLUSTER", "FAILOVER"]);
    until("it is promoted", async || copy.ask::<String>(&["INFO", "replication"]).contains("role:master"))
        .await;
    until("the subscriptions are made anew", async || here.rung.all() > all).await;
    here.until_up().await;
    there.until_up().await;

    here.hears_and_is_released(&there, &waiting).await;
    let asked_again = here.claim(&approved).await;
    assert_eq!((asked_again.state.kind(), asked_again.void), (StateKind::Pending, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_leave_is_enough_in_a_cluster_whose_replicas_are_waited_for() {
    let redis = Cluster::start().await;
    for node in &redis.nodes {
        let user = ["ACL", "SETUSER", "holdpoint", "on", ">secret"];
        node.ask::<()>(&user.into_iter().chain(documented_leave()).collect::<Vec<_>>());
    }
    let url = redis.url().replace("//", "//holdpoint:secret@");
    let settings = Settings { url, wait_replicas: 1, ..Settings::default() };
    the_essentials(settings.clone()).await;
    let here = Replica::up(settings).await;
    let voted = here.store.vote(&here.listen_and_park("sre").await.id, &approve("bob")).await.unwrap();
    assert_eq!(here.store.replicated(&voted).await, Some(false), "there are none");
    for node in &redis.nodes {
        let refused = node.ask::<Vec<_>>(&["ACL", "LOG"]).into_iter().filter_map(denied);
        assert_eq!(refused.filter(|command| command != "config|get").collect::<Vec<_>>(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_spoken_to_every_node() {
    let authority = Arc::new(Authority::new());
    let redis = Cluster::start_with_tls(&authority).await;
    the_essentials(with_tls(redis.url(), &authority)).await;
}
