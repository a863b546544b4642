//! A Redis that would lose approvals is not used.

use holdpoint::store::StoreError;
use holdpoint::store::redis::Unfit;

use super::*;
use crate::support::redis_topologies::Server;

#[tokio::test]
async fn a_redis_that_evicts_stops_the_start_and_is_not_used_until_it_is_fit() {
    let redis = Server::start(&["--maxmemory-policy", "allkeys-lru"]).await;
    let settings = Settings { url: redis.url(), ..Settings::default() };
    assert_eq!(RedisStore::check(&settings).await, Err(Unfit::Evicts("allkeys-lru".into())));

    let replica = Replica::of(settings.clone());
    until("the store says why it is down", async || match replica.store.health() {
        Health::Down(why) => why.contains("noeviction"),
        Health::Up => panic!("it is used"),
    })
    .await;
    let refused = replica.store.park(&replica.parking("default")).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");

    redis.ask::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    replica.until_up().await;
    assert_eq!(RedisStore::check(&settings).await, Ok(()));
}

#[tokio::test]
async fn an_evicting_node_of_a_cluster_is_found() {
    let redis = crate::support::redis_topologies::Cluster::start().await;
    redis.nodes[2].ask::<()>(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]);
    let settings = Settings { url: redis.url(), ..Settings::default() };
    assert_eq!(RedisStore::check(&settings).await, Err(Unfit::Evicts("volatile-lru".into())));
}

#[tokio::test]
async fn a_redis_that_cannot_be_reached_does_not_stop_the_start() {
    let settings = Settings { url: "redis://127.0.0.1:1".into(), ..Settings::default() };
    assert_eq!(RedisStore::check(&settings).await, Ok(()));
}

#[tokio::test]
async fn a_store_whose_server_becomes_a_replica_is_down() {
    let (redis, other) = (Server::start(&[]).await, Server::start(&[]).await);
    let replica = Replica::at(redis.url()).await;
    redis.ask::<()>(&["REPLICAOF", "127.0.0.1", &other.port.to_string()]);
    replica.until_down().await;
    redis.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    replica.until_up().await;
}
