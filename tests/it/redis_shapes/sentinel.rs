//! A primary that Sentinels name, and that changes.

use std::time::{Duration, Instant};

use super::*;
use crate::support::redis_topologies::{Sentinels, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_failover_is_followed() {
    let redis = Sentinels::start().await;
    the_essentials(Settings { url: redis.url(), ..Settings::default() }).await;
    let (here, there) = (Replica::at(redis.url()).await, Replica::at(redis.url()).await);
    let (waiting, approved) = (here.listen_and_park("default").await, here.listen_and_park("dba").await);
    there.store.vote(&approved.id, &approve("bob")).await.unwrap();
    let before = redis.primary();
    replicated(before);

    redis.fail_over().await;
    on_another_primary(&redis, before.port, [&here, &there]).await;

    here.hears_and_is_released(&there, &waiting).await;
    let asked_again = here.claim(&approved).await;
    assert_eq!((asked_again.state.kind(), asked_again.void), (StateKind::Pending, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_dies_is_replaced() {
    let redis = Sentinels::start().await;
    let (here, there) = (Replica::at(redis.url()).await, Replica::at(redis.url()).await);
    let waiting = here.listen_and_park("default").await;
    let before = redis.primary();
    replicated(before);
    let port = before.port;

    before.kill();
    on_another_primary(&redis, port, [&here, &there]).await;

    here.hears_and_is_released(&there, &waiting).await;
}

/// Waits until the replicas have what was written so far.
fn replicated(primary: &Server) {
    assert_eq!(primary.ask::<usize>(&["WAIT", "2", "3000"]), 2);
}

/// Waits until these replicas write to another primary.
async fn on_another_primary(redis: &Sentinels, before: u16, replicas: [&Replica; 2]) {
    until("another primary is named", async || redis.primary().port != before).await;
    let named = Instant::now();
    for replica in replicas {
        until("the new primary is written to", async || {
            let leased = replica.store.renew_lease().await.is_ok();
            let key = "holdpoint:{default}:replicas";
            let known = redis.primary().try_ask::<Option<String>>(&["ZSCORE", key, &replica.id.to_string()]);
            leased && known.is_ok_and(|lease| lease.is_some()) && clients(redis.primary()) > 0
        })
        .await;
        replica.until_up().await;
    }
    assert!(named.elapsed() < Duration::from_secs(8), "it took {:?}", named.elapsed());
}

/// How many connections are subscribed there.
fn clients(server: &Server) -> usize {
    let list: String = server.try_ask(&["CLIENT", "LIST", "TYPE", "PUBSUB"]).unwrap_or_default();
    list.lines().filter(|line| line.contains("sub=")).count()
}
