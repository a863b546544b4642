//! A Redis that would lose approvals is not used.

use holdpoint::store::StoreError;
use holdpoint::store::redis::Unfit;

use super::*;
use crate::support::processes::serve;
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

#[tokio::test]
async fn a_server_that_still_loads_is_an_outage() {
    let folder = tempfile::tempdir().unwrap();
    let place = ["--dir", folder.path().to_str().unwrap()];
    let redis = Server::start(&place).await;
    let here = Replica::at(redis.url()).await;
    let parked = here.listen_and_park("default").await;
    here.store.vote(&parked.id, &approve("bob")).await.unwrap();
    redis.ask::<()>(&["EVAL", "for i = 1, 3000 do redis.call('SET', 'other:' .. i, i) end", "0"]);
    redis.ask::<()>(&["SAVE"]);

    // About a millisecond a key; between a few of them it answers.
    let slow = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"];
    let redis = redis.relaunch(&[&place[..], &slow].concat());
    until("it is seen to load", async || match here.store.health() {
        Health::Down(why) => why.to_lowercase().contains("loading"),
        Health::Up => false,
    })
    .await;
    assert_eq!(redis.try_ask::<()>(&["GET", "other:1"]).unwrap_err().code(), Some("LOADING"));
    let looked = here.store.look(&parked.id).await;
    assert!(matches!(looked, Err(StoreError::Unavailable(_))), "{looked:?}");

    here.until_up().await;
    let asked_again = here.claim(&parked).await;
    assert_eq!((asked_again.state.kind(), asked_again.void), (StateKind::Pending, 1), "another life");
}

#[tokio::test]
async fn who_persists_nothing_is_warned_and_who_does_is_not() {
    let (forgets, persists) = (Server::start(&[]).await, Server::start(&["--appendonly", "yes"]).await);
    for (redis, warned) in [(forgets, true), (persists, false)] {
        let url = redis.url();
        let ports = ["--ext-authz-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let replica = serve(&[], &[&ports[..], &["--redis-url", &url]].concat());
        until("it is connected", async || replica.stderr().contains("connected to Redis")).await;
        assert_eq!(replica.stderr().contains("persists nothing"), warned, "{}", replica.stderr());
    }
}
