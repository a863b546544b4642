use serde_json::Value;

use crate::support::eventually::eventually;
use crate::support::world::{Agent, World};

#[tokio::test]
async fn when_a_replica_dies_its_parked_call_goes_on_at_the_other_with_the_same_approval() {
    let mut world = World::start("").await;
    let reviewer = world.b.reviewer();
    let calling = world.migrates(Agent::Modern, "v3");
    let id = reviewer.sees_one().await;
    assert_eq!(world.a.parked().await, 1);

    world.a.crash().await;
    eventually("the call to wait at the other replica", async || (world.b.parked().await == 1).then_some(()))
        .await;
    assert_eq!(world.migrations().await, Vec::<Value>::new());

    assert_eq!(reviewer.sees_one().await, id, "nobody is asked a second time");
    reviewer.approves(&id).await;
    calling.answer().await.migrated("v2", "v3");
    assert_eq!(world.migrations().await, ["v3"]);
}

#[tokio::test]
async fn a_replica_that_is_told_to_leave_sends_its_parked_call_back_and_keeps_the_approval() {
    let mut world = World::start("shutdown: { grace: 500ms, drain: 500ms }").await;
    let reviewer = world.b.reviewer();
    let calling = world.migrates(Agent::Legacy, "v3");
    let id = reviewer.sees_one().await;

    assert!(world.a.leave().await.success());
    let answer = calling.answer().await;
    answer.denied("shutting_down");
    assert!(answer.text.starts_with("APPROVAL PENDING: run_migration was not executed yet"), "{answer:?}");
    assert_eq!(answer.tools_afterwards[0], "run_migration", "the other replica serves");
    assert_eq!(reviewer.sees_one().await, id);
    assert_eq!(reviewer.approval(&id).await["waiting"], false);
    assert_eq!(world.migrations().await, Vec::<Value>::new());

    let again = world.migrates(Agent::Legacy, "v3");
    eventually("the call to wait at the other replica", async || (world.b.parked().await == 1).then_some(()))
        .await;
    assert_eq!(reviewer.sees_one().await, id, "nobody is asked a second time");
    reviewer.approves(&id).await;
    again.answer().await.migrated("v2", "v3");
}

#[tokio::test]
async fn a_call_that_is_parked_on_a_replica_that_leaves_can_still_be_decided() {
    let mut world = World::start("shutdown: { grace: 100ms, drain: 10m }").await;
    let reviewer = world.b.reviewer();
    let calling = world.migrates(Agent::Modern, "v3");
    let id = reviewer.sees_one().await;

    world.a.is_told_to_leave();
    eventually("health checks to be told", async || (!world.a.is_ready().await).then_some(())).await;
    reviewer.approves(&id).await;
    calling.answer().await.migrated("v2", "v3");
    assert!(world.a.has_left().await.success(), "it leaves with its last call");
}

#[tokio::test]
async fn where_the_gateway_retries_a_parked_call_moves_to_the_next_replica_by_itself() {
    let mut world = World::start("shutdown: { grace: 500ms, drain: 500ms, parked: unavailable }").await;
    let reviewer = world.b.reviewer();
    let calling = world.migrates(Agent::Modern, "v3");
    let id = reviewer.sees_one().await;

    assert!(world.a.leave().await.success());
    eventually("the call to wait at the other replica", async || (world.b.parked().await == 1).then_some(()))
        .await;
    assert_eq!(reviewer.sees_one().await, id, "nobody is asked a second time");
    reviewer.approves(&id).await;
    calling.answer().await.migrated("v2", "v3");
}

#[tokio::test]
async fn a_second_signal_ends_a_replica_at_once() {
    let mut world = World::start("shutdown: { grace: 10m, drain: 10m }").await;
    let _calling = world.migrates(Agent::Modern, "v3");
    world.b.reviewer().sees_one().await;
    world.a.is_told_to_leave();
    eventually("health checks to be told", async || (!world.a.is_ready().await).then_some(())).await;
    world.a.is_told_to_leave();
    assert!(world.a.has_left().await.success());
}
