use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::world::{Agent, World};

#[tokio::test]
async fn a_rejected_call_never_runs_and_every_agent_reads_why_and_can_go_on() {
    let world = World::start("").await;
    let reviewer = world.b.reviewer();

    for (n, agent) in (4..).zip(Agent::ALL) {
        let calling = world.migrates(agent, &format!("v{n}"));
        let id = reviewer.sees_one().await;
        reviewer.rejects(&id, "not during trading hours").await;

        let answer = calling.answer().await;
        answer.denied("rejected");
        let text = answer.text.to_lowercase();
        assert!(text.contains("rejected it: not during trading hours"), "{agent:?}: {text}");
        assert!(text.contains(&id), "{agent:?}: {text}");
        match agent {
            Agent::Inspector => {}
            Agent::Legacy | Agent::Modern => assert_eq!(answer.tools_afterwards, json!(["run_migration"])),
        }
        assert_eq!(reviewer.approval(&id).await["state"], "rejected");
    }
    assert_eq!(world.version().await, "v2");
    assert_eq!(world.migrations().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_second_decision_reads_at_either_replica_what_stands_and_changes_nothing() {
    let world = World::start("").await;
    let calling = world.migrates(Agent::Modern, "v3");
    let id = world.b.reviewer().sees_one().await;
    world.b.reviewer().rejects(&id, "no").await;
    calling.answer().await.denied("rejected");

    for replica in [&world.a, &world.b] {
        let again = replica.reviewer().decide(&id, json!({ "approved": true })).await;
        assert_eq!(again.status(), StatusCode::CONFLICT);
        assert_eq!(again.headers()["content-type"], "application/problem+json");
        let problem: Value = again.json().await.unwrap();
        assert_eq!(problem["type"], "https://holdpoint.dev/problems/already-decided", "{problem}");
        assert_eq!(problem["outcome"], "rejected", "{problem}");
        assert_eq!(problem["approval"]["votes"][0]["reason"], "no", "{problem}");

        for unknown in ["default-0193a1b2c3d47e8f9a0b1c2d3e4f5061", "nothing"] {
            let decided = replica.reviewer().decide(unknown, json!({ "approved": true })).await;
            assert_eq!(decided.status(), StatusCode::NOT_FOUND);
            assert_eq!(decided.headers()["content-type"], "application/problem+json");
        }
    }
    assert_eq!(world.migrations().await, Vec::<Value>::new());
}
