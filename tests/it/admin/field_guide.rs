//! `GET /pending` and `POST /decide/{id}`, as the field guide writes them.

use holdpoint::domain::approval::Held;
use holdpoint::domain::outcome::Outcome;
use holdpoint::domain::sample;
use holdpoint::store::ApprovalStore;
use reqwest::{Method, StatusCode};

use super::site::{ALICE, BOB, BOUND, DORA, Site, call_with, problem};

#[tokio::test]
async fn pending_lists_each_call_with_all_that_the_field_guide_names() {
    let site = Site::open().await;
    assert_eq!(site.json("/pending").await, serde_json::json!({"pending": []}));
    let parked = site.park(sample::held()).await;
    let listed = site.json("/pending").await;
    let received = listed["pending"][0]["receivedAt"].as_str().unwrap().to_owned();
    assert!(received.ends_with('Z') && received.contains('T'), "{received}");
    assert_eq!(
        listed,
        serde_json::json!({"pending": [{
            "id": parked.id.to_string(),
            "toolName": "run_migration",
            "toolArgs": {"version": "v3"},
            "path": "/privileged/mcp",
            "receivedAt": received,
            "method": "POST",
            "rpcMethod": "tools/call",
            "headers": {"user-agent": "python-httpx/0.28.1"},
            "body": sample::held().body,
        }]})
    );
}

#[tokio::test]
async fn pending_comes_oldest_first_and_whole() {
    let site = Site::open().await;
    let mut ids = Vec::new();
    for i in 0..3 {
        ids.push(site.park(call_with(&format!(r#"{{"i":{i}}}"#))).await.id.to_string());
    }
    let listed = site.json("/pending").await;
    let listed: Vec<_> =
        listed["pending"].as_array().unwrap().iter().map(|call| call["id"].clone()).collect();
    assert_eq!(listed, ids);
}

#[tokio::test]
async fn number_literals_reach_the_reviewer_as_they_were_sent() {
    let site = Site::open().await;
    let arguments = r#"{"b":12345678901234567890123456789012345678901,"a":[1.0,1e2,-0,[],{}]}"#;
    site.park(call_with(arguments)).await;
    for path in ["/pending", "/v1/approvals"] {
        let text = site.get(path).await.text().await.unwrap();
        assert!(text.contains(arguments), "{text}");
    }
}

#[tokio::test]
async fn approved_with_curl_as_the_field_guide_does_it_the_call_goes_on() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let response = site
        .request(Method::POST, &format!("/decide/{}", parked.id))
        .bearer_auth(ALICE)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(r#"{"approved":true}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.text().await.unwrap(), "");
    assert!(matches!(parked.outcome().await, Outcome::Released(_)));
}

#[tokio::test]
async fn rejected_the_call_is_told_who_and_why() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let path = format!("/decide/{}", parked.id);
    let response = site.post(BOB, &path, r#"{"approved":false,"reason":" not on a Friday "}"#).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let Outcome::Rejected { by, reason, .. } = parked.outcome().await else { panic!("not rejected") };
    assert_eq!((by.0.as_str(), reason.as_deref()), ("bob", Some("not on a Friday")));
}

#[tokio::test]
async fn deciding_again_says_what_stands_and_who_decided() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let path = format!("/decide/{}", parked.id);
    site.post(BOB, &path, r#"{"approved":false,"reason":"no"}"#).await;
    let body = problem(site.post(ALICE, &path, r#"{"approved":true}"#).await, 409, "already-decided").await;
    assert_eq!(body["outcome"], "rejected");
    assert_eq!(body["approval"]["id"], parked.id.to_string());
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.starts_with("rejected by bob at 20") && detail.ends_with(": no"), "{detail}");
}

#[tokio::test]
async fn an_unknown_id_is_not_found() {
    let site = Site::open().await;
    for id in ["p-19", "default-0193a1b2c3d47e8f9a0b1c2d3e4f5061", "a%0Ab"] {
        let response = site.post(ALICE, &format!("/decide/{id}"), r#"{"approved":true}"#).await;
        problem(response, 404, "not-found").await;
    }
}

#[tokio::test]
async fn a_body_that_is_not_the_contract_decides_nothing() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let path = format!("/decide/{}", parked.id);
    let long = format!(r#"{{"approved":true,"reason":"{}"}}"#, "x".repeat(70_000));
    for body in [
        "",
        "approved=true",
        "{}",
        "null",
        r#"{"approved":"true"}"#,
        r#"{"approved":true,"reviewer":"carol"}"#,
        r#"{"approved":false,"approved":true}"#,
        r#"{"approved":true}{"approved":true}"#,
        &long,
    ] {
        problem(site.post(ALICE, &path, body).await, 400, "invalid-request").await;
    }
    assert_eq!(site.json("/pending").await["pending"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_may_not_decide_is_told_why() {
    let site = Site::open().await;
    let mut held = sample::held();
    held.terms.reviewers = vec![holdpoint::domain::ids::Group("security".into())];
    held.caller.subject = Some(holdpoint::domain::ids::Subject("alice".into()));
    let parked = site.park(held).await;
    let path = format!("/decide/{}", parked.id);
    problem(site.post(ALICE, &path, r#"{"approved":true}"#).await, 403, "self-approval").await;
    let body = problem(site.post(DORA, &path, r#"{"approved":true}"#).await, 403, "not-eligible").await;
    assert_eq!(body["detail"], "only members of security may decide this");
}

#[tokio::test]
async fn one_person_counts_once() {
    let site = Site::open().await;
    let mut held = sample::held();
    held.terms.approvals = 2;
    let parked = site.park(held).await;
    let path = format!("/decide/{}", parked.id);
    assert_eq!(site.post(ALICE, &path, r#"{"approved":true}"#).await.status(), StatusCode::NO_CONTENT);
    let body = problem(site.post(ALICE, &path, r#"{"approved":true}"#).await, 409, "already-voted").await;
    assert_eq!(body["outcome"], "pending");
    assert_eq!(body["approval"]["approvals_given"], 1);
    assert_eq!(site.post(BOB, &path, r#"{"approved":true}"#).await.status(), StatusCode::NO_CONTENT);
    assert!(matches!(parked.outcome().await, Outcome::Released(_)));
}

#[tokio::test]
async fn what_has_ended_by_itself_cannot_be_decided() {
    let site = Site::open().await;
    let mut held: Held = sample::held();
    held.terms.expires = std::time::Duration::ZERO;
    let parked = site.park(held).await;
    let path = format!("/decide/{}", parked.id);
    let body = problem(site.post(ALICE, &path, r#"{"approved":true}"#).await, 409, "expired").await;
    assert_eq!(body["outcome"], "pending", "not swept yet");
    site.store.sweep().await.unwrap();
    let body = problem(site.post(ALICE, &path, r#"{"approved":true}"#).await, 409, "expired").await;
    assert_eq!(body["outcome"], "expired");
}

#[tokio::test]
async fn a_call_whose_caller_left_for_good_cannot_be_decided() {
    let site = Site::open().await;
    let mut held = sample::held();
    held.terms.late = holdpoint::domain::ruling::Late::Off;
    let parked = site.park(held).await;
    parked.call.abort();
    let path = format!("/decide/{}", parked.id);
    let gone = async {
        while site.json(&format!("/v1/approvals/{}", parked.id)).await["state"] == "pending" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, gone).await.expect("it is noticed");
    let body = problem(site.post(ALICE, &path, r#"{"approved":true}"#).await, 409, "caller-gone").await;
    assert_eq!(body["outcome"], "cancelled");
    assert_eq!(body["approval"]["cancellation"], "caller_left");
}

#[tokio::test]
async fn while_the_store_does_not_answer_nothing_is_decided_and_later_it_can_be() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let path = format!("/decide/{}", parked.id);
    site.store.switch(false);
    let response = site.post(ALICE, &path, r#"{"approved":true}"#).await;
    assert_eq!(response.headers()["retry-after"], "1");
    problem(response, 503, "store-unavailable").await;
    problem(site.get("/pending").await, 503, "store-unavailable").await;
    site.store.switch(true);
    assert_eq!(site.post(ALICE, &path, r#"{"approved":true}"#).await.status(), StatusCode::NO_CONTENT);
    assert!(matches!(parked.outcome().await, Outcome::Released(_)));
}

#[tokio::test]
async fn a_decision_that_no_replica_has_yet_says_so_in_a_header() {
    let site = Site::open().await;
    for (replicated, header) in [(None, None), (Some(true), None), (Some(false), Some("false"))] {
        site.store.say_replicated(replicated);
        let parked = site.park(sample::held()).await;
        let response = site.post(ALICE, &format!("/decide/{}", parked.id), r#"{"approved":true}"#).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let said = response.headers().get("x-holdpoint-replicated").map(|value| value.to_str().unwrap());
        assert_eq!(said, header, "{replicated:?}");
    }
}
