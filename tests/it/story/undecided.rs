use serde_json::Value;

use crate::support::world::{Agent, World};

const NOTHING: [Value; 0] = [];

#[tokio::test]
async fn without_late_approvals_an_undecided_call_is_denied_at_its_deadline_for_good() {
    let world = World::start("policy: { defaults: { hold: 2s, late: off } }").await;
    let calling = world.migrates(Agent::Legacy, "v3");
    let id = world.b.reviewer().sees_one().await;

    let answer = calling.answer().await;
    answer.denied("expired");
    assert!(answer.text.contains("EXPIRED: run_migration was not executed"), "{answer:?}");
    assert_eq!(answer.tools_afterwards[0], "run_migration");

    world.b.reviewer().sees_state(&id, "expired").await;
    let late = world.b.reviewer().decide(&id, serde_json::json!({ "approved": true })).await;
    assert_eq!(late.status(), 409);
    assert_eq!(late.json::<Value>().await.unwrap()["type"], "https://holdpoint.dev/problems/expired");
    assert_eq!(world.migrations().await, NOTHING);
}

#[tokio::test]
async fn a_late_approval_lets_the_next_identical_call_run_at_once_and_no_other() {
    let world = World::start("policy: { defaults: { hold: 3s } }").await;
    let reviewer = world.b.reviewer();

    let first = world.migrates(Agent::Modern, "v3");
    let id = reviewer.sees_one().await;
    let pending = first.answer().await;
    pending.denied("pending");
    assert!(pending.text.starts_with("APPROVAL PENDING: run_migration was not executed yet"), "{pending:?}");
    assert!(pending.text.contains(&id), "{pending:?}");
    assert_eq!(reviewer.sees_one().await, id);

    reviewer.approves(&id).await;
    assert_eq!(reviewer.approval(&id).await["state"], "approved");
    assert_eq!(world.migrations().await, NOTHING);

    // Another call has nothing of it; the identical one has, whoever makes it.
    world.migrates(Agent::Modern, "v4").answer().await.denied("pending");
    assert_eq!(world.migrations().await, NOTHING);
    world.migrates(Agent::Legacy, "v3").answer().await.migrated("v2", "v3");
    assert_eq!(reviewer.approval(&id).await["state"], "released");

    // Used up: the third identical call asks anew.
    world.migrates(Agent::Modern, "v3").answer().await.denied("pending");
    assert_eq!(reviewer.sees(2).await[1]["toolArgs"]["version"], "v3");
    assert_eq!(world.migrations().await, ["v3"]);
}
