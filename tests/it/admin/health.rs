//! What an orchestrator asks.

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
    let body = json!({"status": "ready", "store": store, "parked": 1, "asked_at": null});
    assert_eq!(ready(&site).await, (StatusCode::OK, body));
    let response = site.request(Method::GET, "/healthz").header("host", "10.1.2.3").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "probes name the address");
}

#[tokio::test]
async fn it_stays_ready_without_its_store_and_says_so() {
    let site = Site::open().await;
    site.store.switch(false);
    let (status, body) = ready(&site).await;
    assert_eq!((status, &body["status"]), (StatusCode::OK, &json!("degraded")));
    assert_eq!(body["store"]["status"], "down");
    assert_eq!(body["store"]["error"], "the store does not answer: switched off");
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
