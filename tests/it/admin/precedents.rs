//! `GET /v1/approvals/{id}/precedents`.

use serde_json::{Value, json};

use super::site::{BOB, Parked, Site, call_with, problem};

async fn precedents(site: &Site, parked: &Parked) -> Value {
    site.json(&format!("/v1/approvals/{}/precedents", parked.id)).await
}

async fn decide(site: &Site, parked: &Parked, verdict: &str) {
    let decision = parked.decision(verdict, "seen");
    assert!(site.post(BOB, &parked.decisions(), &decision).await.status().is_success());
}

#[tokio::test]
async fn what_was_asked_and_decided_before_a_call_is_told() {
    let site = Site::open().await;
    let first = site.park(call_with(r#"{"version":"v2"}"#)).await;
    let nothing = json!({"earlier": 0, "approved": null, "rejected": null, "alike": null});
    assert_eq!(precedents(&site, &first).await, nothing);
    decide(&site, &first, "approve").await;

    let mut other = call_with(r#"{"version":"v3"}"#);
    other.fingerprint = "22".repeat(32).parse().unwrap();
    let second = site.park(other.clone()).await;
    let known = precedents(&site, &second).await;
    assert_eq!((&known["earlier"], &known["approved"]), (&json!(1), &Value::Null));
    assert_eq!(known["alike"]["id"], first.id.to_string());
    assert_eq!(known["alike"]["call"]["arguments"], json!({"version": "v2"}));
    assert_eq!(known["alike"]["votes"][0]["reviewer"], "bob");

    let third = site.park(other).await;
    decide(&site, &second, "reject").await;
    assert_eq!(precedents(&site, &third).await["rejected"]["id"], second.id.to_string());
}

#[tokio::test]
async fn nobody_is_told_of_what_is_not_there_or_without_a_name() {
    let site = Site::open().await;
    let parked = site.park(call_with("{}")).await;
    let path = format!("/v1/approvals/{}/precedents", parked.id);
    let stranger = reqwest::get(format!("{}{path}", site.url)).await.unwrap();
    problem(stranger, 401, "unauthenticated").await;
    let missing = site.get("/v1/approvals/default-0193a1b2c3d47e8f9a0b1c2d3e4f5061/precedents").await;
    problem(missing, 404, "not-found").await;
}
