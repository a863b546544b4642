use holdpoint::admin::TokenDigest;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::world::{Agent, World};

/// Two database people have to agree; a developer may look.
fn config() -> String {
    let reviewer = |name: &str, group: &str| {
        let digest: String =
            TokenDigest::of(&token(name)).0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("    - {{ name: {name}, token_sha256: {digest}, groups: [{group}] }}\n")
    };
    let reviewers = [reviewer("ann", "dba"), reviewer("bob", "dba"), reviewer("dan", "dev")].concat();
    format!("admin:\n  reviewers:\n{reviewers}policy: {{ defaults: {{ reviewers: [dba], approvals: 2 }} }}\n")
}

fn token(name: &str) -> String {
    format!("the-token-of-{name}")
}

#[tokio::test]
async fn two_people_of_the_named_group_have_to_approve_and_nobody_else_counts() {
    let world = World::start(&config()).await;
    let at_b = |name: &str| world.b.reviewer_with(&token(name));
    let calling = world.migrates(Agent::Modern, "v3");
    let id = at_b("ann").sees_one().await;

    let refused = at_b("dan").decide(&id, json!({ "approved": true })).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "https://holdpoint.dev/problems/not-eligible", "{problem}");
    assert_eq!(problem["detail"], "only members of dba may decide this", "{problem}");

    let stranger = at_b("eve").decide(&id, json!({ "approved": true })).await;
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);

    at_b("ann").approves(&id).await;
    let twice = world.a.reviewer_with(&token("ann")).decide(&id, json!({ "approved": true })).await;
    assert_eq!(twice.status(), StatusCode::CONFLICT);
    let problem: Value = twice.json().await.unwrap();
    assert_eq!(problem["type"], "https://holdpoint.dev/problems/already-voted", "{problem}");

    let standing = at_b("bob").approval(&id).await;
    assert_eq!((&standing["state"], &standing["approvals_given"]), (&json!("pending"), &json!(1)));
    assert!(calling.waits());
    assert_eq!(world.migrations().await, Vec::<Value>::new());

    world.a.reviewer_with(&token("bob")).approves(&id).await;
    calling.answer().await.migrated("v2", "v3");
    let reviewers: Vec<Value> = at_b("ann").approval(&id).await["votes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vote| vote["reviewer"].clone())
        .collect();
    assert_eq!(reviewers, ["ann", "bob"]);
}
