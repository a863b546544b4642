use serde_json::json;

use crate::support::processes::{Era, list_tools};
use crate::support::world::{Agent, World};

#[tokio::test]
async fn listing_the_gated_tools_answers_at_once_and_parks_nothing() {
    let world = World::start("").await;

    assert!(world.lists_tools_at_once().await.contains("run_migration"));
    for era in [Era::Legacy, Era::Modern] {
        let listed = list_tools(&world.envoy.url("/privileged/mcp"), era).await;
        assert_eq!(listed["tools"], json!(["run_migration"]), "{era:?}: {listed}");
    }

    assert_eq!(world.b.reviewer().sees(0).await, Vec::<serde_json::Value>::new());
    let mut redis = world.redis.connection();
    for records in ["*:record:*", "*:held:*", "*:audit"] {
        let mut keys: Vec<String> = redis::cmd("KEYS").arg(records).query(&mut redis).unwrap();
        // Every replica probes itself, and notes that it has started.
        keys.retain(|key| !key.contains("{holdpoint-probe}") && !key.contains("{(system)}"));
        assert_eq!(keys, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_call_parked_at_one_replica_is_approved_at_the_other_and_runs_once_whoever_calls() {
    let world = World::start("").await;
    let reviewer = world.b.reviewer();

    let mut from = "v2".to_owned();
    for (n, agent) in (3..).zip(Agent::ALL) {
        let to = format!("v{n}");
        let calling = world.migrates(agent, &to);
        let id = reviewer.sees_one().await;
        assert_eq!((world.a.parked().await, world.b.parked().await), (1, 0));
        assert_eq!(world.version().await, from.as_str(), "{agent:?}");

        reviewer.approves(&id).await;
        calling.answer().await.migrated(&from, &to);
        reviewer.sees_state(&id, "released").await;
        from = to;
    }
    assert_eq!(world.migrations().await, ["v3", "v4", "v5"]);
    assert_eq!((world.a.parked().await, world.b.parked().await), (0, 0));
}

#[tokio::test]
async fn a_pending_call_is_listed_in_the_field_guides_shape_at_either_replica() {
    let world = World::start("").await;
    let body = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"run_migration","arguments":{"version":"v3","n":12345678901234567890,"none":[]}}}"#;
    let post = world.post(body).header("content-type", "application/json");
    let post = post.header("authorization", "Bearer of-the-agent").header("user-agent", "curl/8");
    let calling = tokio::spawn(post.send());

    for replica in [&world.a, &world.b] {
        let raw = replica.reviewer();
        raw.sees(1).await;
        let text = raw.get("/pending").await.text().await.unwrap();
        assert!(text.contains(r#""toolArgs":{"version":"v3","n":12345678901234567890,"none":[]}"#), "{text}");
        assert!(!text.contains("of-the-agent"), "{text}");

        let mut pending = raw.pending().await;
        let call = pending[0].as_object_mut().unwrap();
        let received: jiff::Timestamp = call.remove("receivedAt").unwrap().as_str().unwrap().parse().unwrap();
        assert!((jiff::Timestamp::now() - received).get_hours() == 0);
        assert!(call.remove("id").unwrap().as_str().unwrap().starts_with("default-"));
        assert_eq!(call.remove("headers").unwrap()["user-agent"], "curl/8");
        assert!(call.remove("toolArgs").is_some());
        let rest = json!({ "toolName": "run_migration", "path": "/privileged/mcp", "method": "POST",
            "rpcMethod": "tools/call", "body": body });
        assert_eq!(serde_json::Value::from(call.clone()), rest);
    }
    calling.abort();
}

#[tokio::test]
async fn two_identical_calls_at_once_are_two_approvals_that_run_once_each() {
    let world = World::start("").await;
    let reviewer = world.b.reviewer();
    let calls = [world.migrates(Agent::Modern, "v3"), world.migrates(Agent::Legacy, "v3")];

    let both = reviewer.sees(2).await;
    assert_ne!(both[0]["id"], both[1]["id"]);
    assert_eq!(both[0]["toolArgs"], both[1]["toolArgs"]);

    reviewer.approves(both[0]["id"].as_str().unwrap()).await;
    let still = reviewer.sees_one().await;
    assert_eq!(still, both[1]["id"].as_str().unwrap());
    reviewer.sees_state(both[0]["id"].as_str().unwrap(), "released").await;

    reviewer.rejects(&still, "once is enough").await;
    let [one, two] = calls;
    let answers = [one.answer().await, two.answer().await];
    assert_eq!(answers.iter().filter(|answer| answer.is_error).count(), 1, "{answers:?}");
    assert_eq!(world.migrations().await, ["v3"]);
}
