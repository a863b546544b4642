//! Tokens that operators make for scripts.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::site::{ALICE, BOB, DORA, Site, problem};

async fn make(site: &Site, by: &str, wanted: Value) -> Response {
    site.post(by, "/v1/tokens", &wanted.to_string()).await
}

/// What a token of group `dba` is made of.
fn wanted() -> Value {
    json!({"subject": "ci", "groups": ["dba"], "roles": ["reviewer"], "days": 30})
}

async fn as_whom(site: &Site, token: &str) -> Response {
    site.request(Method::GET, "/v1/whoami").bearer_auth(token).send().await.unwrap()
}

#[tokio::test]
async fn a_token_is_shown_once_and_lets_in_until_it_is_revoked() {
    let site = Site::open().await;
    let made = make(&site, ALICE, wanted()).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let made: Value = made.json().await.unwrap();
    let (token, id) = (made["token"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert!(token.starts_with("hpt_") && token.len() == 68, "{token}");

    let whoami: Value = as_whom(&site, token).await.json().await.unwrap();
    assert_eq!(whoami["proof"], format!("api token {id} by alice"));
    assert_eq!((&whoami["subject"], &whoami["groups"]), (&json!("ci"), &json!(["dba"])));
    let session = site.session(token).await;
    let with_session = async || {
        let request = site.request(Method::GET, "/pending").header("cookie", &session);
        request.send().await.unwrap().status()
    };
    assert_eq!(with_session().await, StatusCode::OK);

    let listed = site.json("/v1/tokens").await;
    assert_eq!((&listed["tokens"][0]["id"], &listed["tokens"][0]["subject"]), (&json!(id), &json!("ci")));
    assert!(!listed.to_string().contains("hpt_"), "{listed}");

    let revoke = async || {
        let request = site.request(Method::DELETE, &format!("/v1/tokens/{id}")).bearer_auth(ALICE);
        request.send().await.unwrap()
    };
    assert_eq!(revoke().await.status(), StatusCode::NO_CONTENT);
    problem(as_whom(&site, token).await, 401, "unauthenticated").await;
    assert_eq!(with_session().await, StatusCode::UNAUTHORIZED, "its sessions end with it");
    problem(revoke().await, 404, "not-found").await;
}

#[tokio::test]
async fn a_token_ends_with_its_last_day() {
    let site = Site::open().await;
    let made: Value = make(&site, ALICE, wanted()).await.json().await.unwrap();
    let token = made["token"].as_str().unwrap();
    site.identities.clock.advance(Duration::from_secs(29 * 24 * 3600));
    assert_eq!(as_whom(&site, token).await.status(), StatusCode::OK);
    // A second more, because it was made a moment after the clock was stopped.
    site.identities.clock.advance(Duration::from_secs(24 * 3600 + 1));
    problem(as_whom(&site, token).await, 401, "unauthenticated").await;
    assert_eq!(site.json("/v1/tokens").await, json!({"tokens": []}));
}

#[tokio::test]
async fn only_an_operator_has_to_do_with_tokens() {
    let site = Site::open().await;
    for token in [BOB, DORA] {
        problem(make(&site, token, wanted()).await, 403, "not-permitted").await;
        let list = site.request(Method::GET, "/v1/tokens").bearer_auth(token).send().await.unwrap();
        problem(list, 403, "not-permitted").await;
        let revoke = site.request(Method::DELETE, "/v1/tokens/x").bearer_auth(token).send().await.unwrap();
        problem(revoke, 403, "not-permitted").await;
    }
}

#[tokio::test]
async fn nobody_gives_a_token_more_than_they_have() {
    let site = Site::open().await;
    let narrow = json!({"subject": "ops", "groups": ["dba"], "roles": ["operator"], "days": 1});
    let narrow: Value = make(&site, ALICE, narrow).await.json().await.unwrap();
    let narrow = narrow["token"].as_str().unwrap();
    for more in [
        json!({"subject": "x", "groups": null, "roles": ["operator"], "days": 1}),
        json!({"subject": "x", "groups": ["dba", "sre"], "roles": ["operator"], "days": 1}),
        json!({"subject": "x", "groups": ["dba"], "roles": ["operator", "reviewer"], "days": 1}),
    ] {
        problem(make(&site, narrow, more).await, 403, "not-permitted").await;
    }
    let same = json!({"subject": "x", "groups": ["dba"], "roles": ["operator"], "days": 1});
    assert_eq!(make(&site, narrow, same).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn what_makes_no_sense_as_a_token_is_refused() {
    let site = Site::open().await;
    for (field, value) in [
        ("subject", json!(" ")),
        ("subject", json!("x".repeat(257))),
        ("roles", json!([])),
        ("roles", json!(["admin"])),
        ("days", json!(0)),
        ("days", json!(367)),
        ("days", json!(-1)),
        ("token", json!("hpt_mine")),
    ] {
        let mut wanted = wanted();
        wanted[field] = value;
        problem(make(&site, ALICE, wanted).await, 400, "invalid-request").await;
    }
}
