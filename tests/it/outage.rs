//! Redis is away: nothing is let through, callers and reviewers are told, and what was parked outlives it.

mod network;
mod partition;
mod replicas;

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::time::Instant;

use crate::support::eventually::eventually;
use crate::support::processes::{Holdpoint, RedisServer};
use crate::support::world::{Agent, Calling, World};

/// A call waits so long for a store that does not answer.
const CONFIG: &str = "ext_authz: { patience: 2s }";

/// Waits until a replica says that it goes on without its store.
async fn says_degraded(replica: &Holdpoint) {
    eventually("the replica to say so", async || {
        let ready = replica.reviewer().ready().await;
        (ready["status"] == "degraded" && ready["store"]["status"] == "down").then_some(())
    })
    .await;
}

async fn says_ready(replica: &Holdpoint) {
    eventually("the replica to be connected", async || {
        (replica.reviewer().ready().await["status"] == "ready").then_some(())
    })
    .await;
}

/// Asserts that a call is refused because the store is away, in about the time that it is given.
async fn is_denied_for_now(calling: Calling) {
    let started = Instant::now();
    let answer = calling.answer().await;
    answer.denied("store_unavailable");
    assert!(answer.text.starts_with("UNAVAILABLE: run_migration was not executed."), "{answer:?}");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test]
async fn without_redis_from_the_start_replicas_serve_and_calls_are_denied_until_it_is_there() {
    let mut world = World::with(RedisServer::stopped(), CONFIG).await;
    for replica in [&world.a, &world.b] {
        says_degraded(replica).await;
    }
    assert!(world.lists_tools_at_once().await.contains("run_migration"));
    is_denied_for_now(world.migrates(Agent::Modern, "v3")).await;
    let pending = world.b.reviewer().get("/pending").await;
    assert_eq!(pending.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(pending.headers()["content-type"], "application/problem+json");
    assert_eq!(world.migrations().await, Vec::<Value>::new());

    world.redis.restart().await;
    for replica in [&world.a, &world.b] {
        says_ready(replica).await;
    }
    let calling = world.migrates(Agent::Modern, "v3");
    world.b.reviewer().approves(&world.b.reviewer().sees_one().await).await;
    calling.answer().await.migrated("v2", "v3");
}

#[tokio::test]
async fn while_redis_is_away_new_calls_are_denied_and_others_pass_at_once() {
    let mut world = World::start(CONFIG).await;
    world.redis.stop();
    for replica in [&world.a, &world.b] {
        says_degraded(replica).await;
    }
    let calling = world.migrates(Agent::Legacy, "v3");
    for _ in 0..5 {
        assert!(world.lists_tools_at_once().await.contains("run_migration"));
    }
    is_denied_for_now(calling).await;
    assert_eq!(world.migrations().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_silent_redis_denies_new_calls_as_one_that_is_gone() {
    let world = World::start(CONFIG).await;
    world.redis.freeze();
    // At once: nobody has noticed yet.
    let calling = world.migrates(Agent::Modern, "v3");
    assert!(world.lists_tools_at_once().await.contains("run_migration"));
    is_denied_for_now(calling).await;
    for replica in [&world.a, &world.b] {
        says_degraded(replica).await;
    }
    world.redis.thaw();
    for replica in [&world.a, &world.b] {
        says_ready(replica).await;
    }
    assert_eq!(world.migrations().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_call_that_waits_outlives_a_restart_of_redis_and_is_approved_afterwards() {
    let mut world = World::with(RedisServer::persistent().await, CONFIG).await;
    let calling = world.migrates(Agent::Modern, "v3");
    let id = world.b.reviewer().sees_one().await;

    world.redis.stop();
    for replica in [&world.a, &world.b] {
        says_degraded(replica).await;
    }
    assert_eq!(world.a.parked().await, 1);
    assert!(calling.waits());

    world.redis.restart().await;
    for replica in [&world.a, &world.b] {
        says_ready(replica).await;
    }
    assert_eq!(world.b.reviewer().sees_one().await, id);
    assert!(calling.waits());
    world.b.reviewer().approves(&id).await;
    calling.answer().await.migrated("v2", "v3");
    assert_eq!(world.migrations().await, ["v3"]);
}

#[tokio::test]
async fn a_decision_during_an_outage_is_refused_and_counts_once_when_it_is_sent_again() {
    let world = World::with(RedisServer::persistent().await, CONFIG).await;
    let reviewer = world.b.reviewer();
    let calling = world.migrates(Agent::Legacy, "v3");
    let id = reviewer.sees_one().await;
    let fingerprint = reviewer.approval(&id).await["fingerprint"].as_str().unwrap().to_owned();
    let key = "0193a1b2-c3d4-4e8f-9a0b-1c2d3e4f5061";

    world.redis.freeze();
    for _ in 0..2 {
        let refused = reviewer.approve_once(&id, &fingerprint, key).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
        assert_eq!(refused.headers()["retry-after"], "1");
        let problem: Value = refused.json().await.unwrap();
        assert_eq!(problem["type"], "https://holdpoint.dev/problems/store-unavailable", "{problem}");
    }
    says_degraded(&world.b).await;
    assert!(calling.waits());
    assert_eq!(world.migrations().await, Vec::<Value>::new());

    world.redis.thaw();
    says_ready(&world.b).await;
    for _ in 0..2 {
        let counted = reviewer.approve_once(&id, &fingerprint, key).await;
        assert_eq!(counted.status(), StatusCode::OK);
    }
    calling.answer().await.migrated("v2", "v3");
    let votes = reviewer.approval(&id).await["votes"].take();
    assert_eq!(votes.as_array().unwrap().len(), 1, "{votes}");
    assert_eq!(world.migrations().await, ["v3"]);
}

#[tokio::test]
async fn a_call_whose_time_is_up_during_an_outage_is_denied() {
    let mut world = World::start("ext_authz: { patience: 2s }\npolicy: { defaults: { hold: 4s } }").await;
    let calling = world.migrates(Agent::Modern, "v3");
    world.b.reviewer().sees_one().await;
    world.redis.stop();
    is_denied_for_now(calling).await;
    assert_eq!(world.migrations().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_is_told_again_what_waits_and_reviewers_decide_again() {
    let mut world = World::start(CONFIG).await;
    let calling = world.migrates(Agent::Modern, "v3");
    let id = world.b.reviewer().sees_one().await;
    world.redis.restart().await;
    for replica in [&world.a, &world.b] {
        says_ready(replica).await;
    }
    assert_eq!(world.b.reviewer().sees_one().await, id);
    assert_eq!(world.migrations().await, Vec::<Value>::new());
    world.b.reviewer().approves(&id).await;
    calling.answer().await.migrated("v2", "v3");
}
