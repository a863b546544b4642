//! What an orchestrator asks.

use std::time::Duration;

use holdpoint::clock::{Clock, SystemClock};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::site::Site;
use holdpoint::domain::sample;

async fn ready(site: &Site) -> (StatusCode, Value) {
    let response = site.request(Method::GET, "/readyz").send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn it_lives_and_is_ready_without_anybody_logging_in() {
    let site = Site::open().await;
    let response = site.request(Method::GET, "/livez").send().await.unwrap();
    assert_eq!((response.status(), response.text().await.unwrap().as_str()), (StatusCode::OK, "ok"));
    let _parked = site.park(sample::held()).await;
    let store = json!({"kind": "embedded", "status": "up", "error": null});
    let canary = json!({"status": "none yet", "age_seconds": null, "error": null});
    let said = json!({"status": "ready", "store": store, "parked": 1, "asked_at": null, "canary": canary});
    assert_eq!(ready(&site).await, (StatusCode::OK, said));
    let response = site.request(Method::GET, "/healthz").header("host", "10.1.2.3").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "probes name the address");
}

#[tokio::test]
async fn without_its_store_it_is_not_ready_but_lives() {
    let site = Site::open().await;
    site.store.switch(false);
    let (status, body) = ready(&site).await;
    assert_eq!((status, &body["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("degraded")));
    assert_eq!(body["store"]["status"], "down");
    assert_eq!(body["store"]["error"], "switched off");
    let response = site.request(Method::GET, "/livez").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn it_tells_how_long_ago_the_canary_sang_and_what_ails_it() {
    let site = Site::open().await;
    let canary = site.approvals.canary();
    canary.note(SystemClock.now() - Duration::from_secs(40), Ok(()));
    let (_, body) = ready(&site).await;
    assert_eq!(body["canary"]["status"], "ok");
    assert!(body["canary"]["age_seconds"].as_i64().unwrap() >= 40, "{body}");
    canary.note(SystemClock.now(), Err("the listener: refused".to_owned()));
    let (status, body) = ready(&site).await;
    assert_eq!(
        (&body["canary"]["status"], &body["canary"]["error"]),
        (&json!("failed"), &json!("the listener: refused"))
    );
    assert_eq!(status, StatusCode::OK, "others may be no better off");
}

#[tokio::test]
async fn while_it_drains_it_is_not_ready_but_lives() {
    let site = Site::open().await;
    site.draining.cancel();
    let (status, body) = ready(&site).await;
    assert_eq!((status, &body["status"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("draining")));
    let response = site.request(Method::GET, "/livez").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}
