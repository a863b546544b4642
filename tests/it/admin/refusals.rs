//! Who may not decide is refused at every door, and that is written down.

use holdpoint::domain::ids::DecisionId;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::audit::entries;
use super::site::{ALICE, DORA, Parked, Site, held_for, held_for_several, held_of_alice, problem};

/// Who has this token approves at each door, and is told no; then the audit has it.
async fn refused_everywhere(site: &Site, parked: &Parked, token: &str, status: u16, slug: &str) {
    let refused = site.post(token, &parked.decisions(), &parked.decision("approve", "")).await;
    problem(refused, status, slug).await;
    let refused = site.post(token, &format!("/decide/{}", parked.id), r#"{"approved":true}"#).await;
    problem(refused, status, slug).await;
    let item = json!({"id": parked.id.to_string(), "fingerprint": parked.fingerprint.to_string()});
    let batch = json!({"verdict": "approve", "items": [item]}).to_string();
    let answer: Value = site.post(token, "/v1/approvals:batchDecide", &batch).await.json().await.unwrap();
    let told = &answer["results"][0]["problem"]["type"];
    assert_eq!(*told, format!("https://holdpoint.dev/problems/{slug}"), "{answer}");
    assert_eq!(by_form(site, parked, token).await.status().as_u16(), status);

    let query = format!("?outcome=refused&approval={}", parked.id);
    let who = if token == ALICE { "alice" } else { "dora" };
    for entry in entries(site, &query, 4).await {
        assert_eq!(entry["entry"]["who"], who);
        assert!(entry["entry"]["detail"]["why"].as_str().is_some_and(|why| !why.is_empty()), "{entry}");
    }
}

/// As a browser without scripts sends it.
async fn by_form(site: &Site, parked: &Parked, token: &str) -> Response {
    let seen = site.json(&format!("/v1/approvals/{}", parked.id)).await;
    let (incarnation, decision) = (seen["incarnation"].as_str().unwrap(), DecisionId::random());
    let form = format!(
        "verdict=approve&reason=&fingerprint={}&incarnation={incarnation}&decision={decision}",
        parked.fingerprint
    );
    let request = site.request(Method::POST, &format!("/a/{}", parked.id)).bearer_auth(token);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body(form).send().await.unwrap()
}

#[tokio::test]
async fn nobody_decides_a_call_of_their_own_at_any_door() {
    let site = Site::open().await;
    let parked = site.park(held_of_alice()).await;
    refused_everywhere(&site, &parked, ALICE, 403, "self-approval").await;
}

#[tokio::test]
async fn who_is_in_no_group_of_the_rule_decides_at_no_door() {
    let site = Site::open().await;
    let parked = site.park(held_for("security")).await;
    refused_everywhere(&site, &parked, DORA, 403, "not-eligible").await;
}

#[tokio::test]
async fn nobody_votes_twice_at_any_door() {
    let site = Site::open().await;
    let parked = site.park(held_for_several(2)).await;
    site.post(ALICE, &parked.decisions(), &parked.decision("approve", "")).await;
    refused_everywhere(&site, &parked, ALICE, 409, "already-voted").await;
}
