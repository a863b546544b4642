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

/// Waits until these replicas write to another primary. What is decided there before one of them follows is seen by it
/// when it rings for everything: the approval alone does not ring.
async fn on_another_primary(redis: &Sentinels, before: u16, replicas: [&Replica; 2]) {
    until("another primary is named", async || redis.primary().port != before).await;
    let named = Instant::now();
    for replica in replicas {
        // What it wrote to the old one is copied: only a lease that grows says that it is here.
        let copied = lease(redis.primary(), replica);
        until("the new primary is written to", async || {
            replica.store.renew_lease().await.is_ok() && lease(redis.primary(), replica) > copied
        })
        .await;
        replica.until_up().await;
    }
    assert!(named.elapsed() < Duration::from_secs(8), "it took {:?}", named.elapsed());
}

/// Until when this replica lives, as this server has it.
fn lease(server: &Server, replica: &Replica) -> Option<u64> {
    let lease = server.try_ask(&["ZSCORE", "holdpoint:{default}:replicas", &replica.id.to_string()]);
    lease.ok().flatten()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_spoken_to_sentinels_and_to_whom_they_name() {
    let authority = Arc::new(Authority::new());
    let redis = Sentinels::start_with_tls(&authority).await;
    let settings = with_tls(redis.url(), &authority);
    the_essentials(settings.clone()).await;
    let (here, there) = (Replica::up(settings.clone()).await, Replica::up(settings).await);
    let before = redis.primary();
    replicated(before);
    redis.fail_over().await;
    on_another_primary(&redis, before.port, [&here, &there]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_with_logins_of_their_own_are_asked_with_one() {
    let document = include_str!("../../../docs/redis.md");
    let leave = document.lines().find_map(|line| line.strip_prefix("user watcher on >SECRET ")).unwrap();
    let redis = Sentinels::start_with_logins(&format!("watcher on >p@ss/word {leave}")).await;
    let settings = |login: &str| Settings { url: format!("{}{login}", redis.url()), ..Settings::default() };
    the_essentials(settings("?sentinel_login=watcher:p%40ss%2Fword")).await;
    Replica::up(settings("?sentinel_login=:theirs")).await;
    for (wrong, answer) in [("", "noauth"), ("?sentinel_login=watcher:other", "wrongpass")] {
        let reason = format!("no sentinel names the primary - io: \"{answer}\"");
        is_down_because_of(&Replica::of(settings(wrong)), &reason).await;
    }
}
