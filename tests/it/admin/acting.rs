//! What is done to an approval beside deciding: cancel, revoke, extend, break the glass.

use holdpoint::domain::approval::Held;
use holdpoint::domain::ids::DecisionId;
use holdpoint::domain::outcome::Outcome;
use holdpoint::domain::sample;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::site::{ALICE, DORA, Parked, Site, held_for, problem};

async fn act(site: &Site, token: &str, parked: &Parked, verb: &str, body: Value) -> Response {
    site.post(token, &format!("/v1/approvals/{}:{verb}", parked.id), &body.to_string()).await
}

async fn shown(response: Response) -> Value {
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

fn for_security() -> Held {
    let mut held = held_for("security");
    held.terms.approvals = 2;
    held
}

#[tokio::test]
async fn what_is_cancelled_ends_and_the_agent_is_told() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    problem(act(&site, ALICE, &parked, "cancel", json!({})).await, 422, "reason-required").await;
    let cancelled = shown(act(&site, ALICE, &parked, "cancel", json!({"reason": "an incident"})).await).await;
    assert_eq!((&cancelled["state"], &cancelled["cancellation"]), (&json!("cancelled"), &json!("by_hand")));
    let (acts, at) = (&cancelled["acts"], &cancelled["settled_at"]);
    assert_eq!(*acts, json!([{"by": "alice", "verb": "cancel", "reason": "an incident", "at": at}]));
    let again = act(&site, ALICE, &parked, "cancel", json!({"reason": "again"})).await;
    let body = problem(again, 409, "already-decided").await;
    assert!(body["detail"].as_str().unwrap().contains("cancelled by alice"), "{body}");
    assert!(matches!(parked.outcome().await, Outcome::Cancelled { .. }));
}

#[tokio::test]
async fn an_approval_is_revoked_while_it_is_not_used() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let refused = act(&site, ALICE, &parked, "revoke", json!({"reason": "too early"})).await;
    problem(refused, 409, "not-approved").await;
    parked.call.abort();
    super::site::until_it_left(&site, &parked.id).await;
    site.post(ALICE, &parked.decisions(), &parked.decision("approve", "")).await;
    let revoked = shown(act(&site, ALICE, &parked, "revoke", json!({"reason": "a mistake"})).await).await;
    assert_eq!((&revoked["state"], &revoked["cancellation"]), (&json!("cancelled"), &json!("revoked")));
}

#[tokio::test]
async fn an_approval_is_extended_up_to_the_longest() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let before = site.json(&format!("/v1/approvals/{}", parked.id)).await;
    let time = |shown: &Value| shown["deadline"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let extended = shown(act(&site, ALICE, &parked, "extend", json!({"seconds": 60})).await).await;
    assert_eq!(time(&extended), time(&before) + std::time::Duration::from_secs(60));
    problem(act(&site, ALICE, &parked, "extend", json!({"seconds": 86_400})).await, 422, "too-long").await;
    for body in [json!({}), json!({"seconds": 0}), json!({"seconds": -1}), json!({"seconds": 1, "by": "bob"})]
    {
        problem(act(&site, ALICE, &parked, "extend", body).await, 400, "invalid-request").await;
    }
    problem(act(&site, ALICE, &parked, "prolong", json!({})).await, 400, "invalid-request").await;
}

#[tokio::test]
async fn an_act_sent_again_under_its_key_is_done_once() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let key = DecisionId::random().to_string();
    let path = format!("/v1/approvals/{}:extend", parked.id);
    let extend = async || site.post_under(&key, ALICE, &path, r#"{"seconds":60}"#).await;
    let first = shown(extend().await).await;
    assert_eq!(shown(extend().await).await["deadline"], first["deadline"]);
}

#[tokio::test]
async fn the_glass_is_broken_loudly() {
    let site = Site::open().await;
    let parked = site.park(for_security()).await;
    let fingerprint = parked.fingerprint.to_string();
    let with =
        |reason: &str, ticket: &str| json!({"reason": reason, "ticket": ticket, "fingerprint": fingerprint});
    let refused = act(&site, DORA, &parked, "break-glass", with("fire", "INC-1")).await;
    let body = problem(refused, 403, "not-eligible").await;
    assert_eq!(body["detail"], "only members of ops may break the glass");
    for (reason, ticket) in [(" ", "INC-1"), ("fire", " ")] {
        let refused = act(&site, ALICE, &parked, "break-glass", with(reason, ticket)).await;
        problem(refused, 422, "reason-required").await;
    }
    let without = json!({"reason": "fire", "fingerprint": fingerprint});
    problem(act(&site, ALICE, &parked, "break-glass", without).await, 400, "invalid-request").await;
    let broken = shown(act(&site, ALICE, &parked, "break-glass", with("fire", "INC-1")).await).await;
    assert_eq!(broken["state"], "approved", "one person, although the rule wants two");
    let glass = &broken["broken_glass"];
    assert_eq!((&glass["by"], &glass["ticket"]), (&json!("alice"), &json!("INC-1")));
    assert!(matches!(parked.outcome().await, Outcome::Released(_)));
}

#[tokio::test]
async fn an_act_tells_whether_replicas_have_it() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    for replicated in [None, Some(true), Some(false)] {
        site.store.say_replicated(replicated);
        let extended = shown(act(&site, ALICE, &parked, "extend", json!({"seconds": 1})).await).await;
        assert_eq!(extended["replicated"], json!(replicated));
    }
}

#[tokio::test]
async fn an_act_on_what_another_life_of_the_store_showed_is_refused() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let seen = json!({"reason": "an incident", "incarnation": "ab".repeat(20)});
    problem(act(&site, ALICE, &parked, "cancel", seen).await, 409, "asked-again").await;
    let shown_now = site.json(&format!("/v1/approvals/{}", parked.id)).await;
    let seen = json!({"reason": "an incident", "incarnation": shown_now["incarnation"]});
    assert_eq!(shown(act(&site, ALICE, &parked, "cancel", seen).await).await["state"], "cancelled");
}

#[tokio::test]
async fn the_timeline_tells_what_happened_in_its_order() {
    let site = Site::open().await;
    let parked = site.park(for_security()).await;
    shown(act(&site, ALICE, &parked, "extend", json!({"seconds": 60, "reason": "lunch"})).await).await;
    site.post(ALICE, &parked.decisions(), &parked.decision("approve", "fine")).await;
    let ended = shown(act(&site, ALICE, &parked, "cancel", json!({"reason": "an incident"})).await).await;
    let events = ended["timeline"].as_array().unwrap();
    let told: Vec<_> = events.iter().map(|e| (&e["event"], &e["by"], &e["reason"])).collect();
    let null = Value::Null;
    let expected = [
        (&json!("parked"), &null, &null),
        (&json!("extend"), &json!("alice"), &json!("lunch")),
        (&json!("approve"), &json!("alice"), &json!("fine")),
        (&json!("cancel"), &json!("alice"), &json!("an incident")),
        (&json!("cancelled"), &null, &null),
    ];
    assert_eq!(told, expected, "{ended}");
    assert_eq!(events[0]["at"], ended["created_at"]);
}
