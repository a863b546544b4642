//! `POST /v1/approvals:batchDecide`.

use holdpoint::domain::ids::DecisionId;
use holdpoint::domain::sample;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::site::{ALICE, Parked, Site, call_with, held_for_several, held_of_alice, problem};

const BATCH: &str = "/v1/approvals:batchDecide";

async fn decide(site: &Site, body: &Value) -> Value {
    let response = site.post(ALICE, BATCH, &body.to_string()).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

fn item(parked: &Parked) -> Value {
    json!({"id": parked.id.to_string(), "fingerprint": parked.fingerprint.to_string()})
}

async fn other(site: &Site) -> Parked {
    let mut held = call_with("{}");
    held.fingerprint = "22".repeat(32).parse().unwrap();
    held.tool = Some("drop_table".into());
    site.park(held).await
}

async fn state(site: &Site, parked: &Parked) -> Value {
    site.json(&format!("/v1/approvals/{}", parked.id)).await["state"].clone()
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_recorded_and_records_nothing() {
    let site = Site::open().await;
    let (one, two) = (site.park(sample::held()).await, other(&site).await);
    let mut own = held_of_alice();
    own.fingerprint = "33".repeat(32).parse().unwrap();
    let own = site.park(own).await;
    let items = [item(&one), item(&two), item(&own)];
    let body = json!({"verdict": "reject", "reason": "a freeze", "dry_run": true, "items": items});
    let tried = decide(&site, &body).await;
    assert_eq!(tried["counts"], json!({"recorded": 0, "would_record": 2, "refused": 1}));
    assert_eq!(tried["results"][1], json!({"id": two.id.to_string(), "outcome": "would_record"}));
    assert_eq!(tried["results"][2]["problem"]["type"], "https://holdpoint.dev/problems/self-approval");
    for parked in [&one, &two, &own] {
        assert_eq!(state(&site, parked).await, "pending");
    }
}

#[tokio::test]
async fn many_are_rejected_each_for_itself() {
    let site = Site::open().await;
    let (one, two) = (site.park(sample::held()).await, other(&site).await);
    let mut wrong = item(&two);
    wrong["fingerprint"] = json!("44".repeat(32));
    let items = [item(&one), wrong, json!({"id": "nothing", "fingerprint": "11".repeat(32)})];
    let body = json!({"verdict": "reject", "reason": "a freeze", "items": items});
    let decided = decide(&site, &body).await;
    let outcomes: Vec<_> = decided["results"].as_array().unwrap().iter().map(|r| &r["outcome"]).collect();
    assert_eq!(outcomes, ["recorded", "refused", "refused"]);
    let problem = |n: usize| decided["results"][n]["problem"]["type"].as_str().unwrap().to_owned();
    assert!(problem(1).ends_with("/fingerprint-mismatch") && problem(2).ends_with("/not-found"));
    assert_eq!((state(&site, &one).await, state(&site, &two).await), (json!("rejected"), json!("pending")));
}

#[tokio::test]
async fn what_matches_a_filter_is_rejected_and_only_that() {
    let site = Site::open().await;
    let (one, two) = (site.park(sample::held()).await, other(&site).await);
    let body = json!({"verdict": "reject", "reason": "no", "filter": {"tool": "drop_table"}});
    let decided = decide(&site, &body).await;
    assert_eq!((&decided["counts"]["recorded"], &decided["more"]), (&json!(1), &json!(false)));
    assert_eq!((state(&site, &one).await, state(&site, &two).await), (json!("pending"), json!("rejected")));
}

#[tokio::test]
async fn only_identical_calls_are_approved_at_once() {
    let site = Site::open().await;
    let (one, same) = (site.park(sample::held()).await, site.park(sample::held()).await);
    let two = other(&site).await;
    let mixed = json!({"verdict": "approve", "items": [item(&one), item(&two)]});
    problem(site.post(ALICE, BATCH, &mixed.to_string()).await, 400, "invalid-request").await;
    let unseen = json!({"verdict": "approve", "filter": {"tool": "run_migration"}});
    problem(site.post(ALICE, BATCH, &unseen.to_string()).await, 400, "invalid-request").await;
    assert_eq!(state(&site, &one).await, "pending");
    let decided = decide(&site, &json!({"verdict": "approve", "items": [item(&one), item(&same)]})).await;
    assert_eq!(decided["counts"]["recorded"], 2);
}

#[tokio::test]
async fn a_batch_that_makes_no_sense_is_refused_whole() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let too_many: Vec<_> = (0..1001).map(|_| item(&parked)).collect();
    for body in [
        json!({"verdict": "reject", "reason": "no"}),
        json!({"verdict": "reject", "reason": "no", "items": []}),
        json!({"verdict": "reject", "reason": "no", "items": [item(&parked)], "filter": {}}),
        json!({"verdict": "reject", "reason": "no", "items": too_many}),
        json!({"verdict": "reject", "reason": "no", "filter": {"state": "all"}}),
        json!({"verdict": "reject", "reason": "no", "filter": {"tool": 1}}),
        json!({"verdict": "reject", "reason": "no", "filter": {"nothing": "x"}}),
        json!({"verdict": "reject", "reason": "no", "items": [{"id": parked.id.to_string()}]}),
    ] {
        problem(site.post(ALICE, BATCH, &body.to_string()).await, 400, "invalid-request").await;
    }
    assert_eq!(state(&site, &parked).await, "pending");
}

#[tokio::test]
async fn a_batch_sent_again_under_its_key_counts_once() {
    let site = Site::open().await;
    let parked = site.park(held_for_several(2)).await;
    let key = DecisionId::random().to_string();
    for _ in 0..2 {
        let body = json!({"verdict": "approve", "items": [item(&parked)]}).to_string();
        let decided: Value = site.post_under(&key, ALICE, BATCH, &body).await.json().await.unwrap();
        assert_eq!(decided["counts"]["recorded"], 1);
    }
    let shown = site.json(&format!("/v1/approvals/{}", parked.id)).await;
    assert_eq!(shown["votes"].as_array().unwrap().len(), 1);
}
