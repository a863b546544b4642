//! Queues spread over the nodes of a cluster.

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
    let (moving, staying) = (here.park("default").await, here.park("sre").await);

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
    let parked = here.park("default").await;
    let node = redis.holder_of("default");
    node.freeze();
    here.until_down().await;
    node.thaw();
    here.until_up().await;
    until("it answers again", async || here.store.look(&parked.id).await.is_ok()).await;
    let there = Replica::at(redis.url()).await;
    here.hears_and_is_released(&there, &parked).await;
}
