use serde_json::Value;

use crate::support::eventually::eventually;
use crate::support::world::{Agent, World};

#[tokio::test]
async fn when_the_agent_hangs_up_the_queue_says_so_and_a_later_approval_runs_nothing_by_itself() {
    let world = World::start("").await;
    let reviewer = world.b.reviewer();
    let calling = world.migrates(Agent::Legacy, "v3");
    let id = reviewer.sees_one().await;
    assert_eq!(reviewer.approval(&id).await["waiting"], true);
    let page = reviewer.listens().await;

    calling.hangs_up().await;
    page.hears(&["event: changed", &id]).await;
    let card = reviewer.get(&format!("/cards/{id}")).await.text().await.unwrap();
    assert!(card.contains("The caller has left"), "{card}");
    let approval = reviewer.approval(&id).await;
    assert_eq!((&approval["waiting"], &approval["state"]), (&Value::from(false), &Value::from("pending")));
    assert!(approval["left_at"].is_string(), "{approval}");
    assert_eq!(world.a.parked().await, 0);

    reviewer.approves(&id).await;
    eventually("the gateway to have logged the call", async || {
        world.envoy.access_log().iter().any(|line| line["flags"] == "DC").then_some(())
    })
    .await;
    assert_eq!(reviewer.approval(&id).await["state"], "approved");
    assert_eq!(world.migrations().await, Vec::<Value>::new());

    // It is the caller's to use: the identical call runs.
    world.migrates(Agent::Legacy, "v3").answer().await.migrated("v2", "v3");
}
