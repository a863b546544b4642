//! `GET /v1/approvals:watch`, asked again and again, and an approval that did not change.

use holdpoint::domain::sample;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::site::{ALICE, Site, call_with, problem};
use crate::support::eventually::eventually;

#[tokio::test]
async fn whoever_asks_again_is_told_what_changed_since() {
    let site = Site::open().await;
    let waiting = site.json("/v1/approvals:watch?wait=1s").await;
    assert_eq!((&waiting["anything"], waiting["approvals"].as_array().unwrap().len()), (&false.into(), 0));
    let first = site.park(sample::held()).await;
    let second = site.park(call_with("{}")).await;
    let after = waiting["place"].as_str().unwrap();
    let news = site.json(&format!("/v1/approvals:watch?wait=5s&after={after}")).await;
    let ids: Vec<_> = news["approvals"].as_array().unwrap().iter().map(|a| a["id"].clone()).collect();
    assert_eq!(ids, [first.id.to_string(), second.id.to_string()]);
}

#[tokio::test]
async fn a_change_ends_the_wait() {
    let site = Site::open().await;
    let place = site.json("/v1/approvals:watch?wait=1s").await["place"].as_str().unwrap().to_owned();
    let path = format!("/v1/approvals:watch?wait=60s&after={place}");
    let (news, parked) = tokio::join!(site.json(&path), site.park(sample::held()));
    assert_eq!(news["approvals"][0]["id"], parked.id.to_string());
}

#[tokio::test]
async fn who_comes_back_from_elsewhere_lists_again() {
    let site = Site::open().await;
    let elsewhere = format!("{}-7", "11".repeat(16));
    let news = site.json(&format!("/v1/approvals:watch?wait=1s&after={elsewhere}")).await;
    assert_eq!(news["anything"], true);
    for query in ["wait=0s", "wait=61s", "wait=1", "wait=1s&after=x", "after=x", "wit=1s"] {
        let refused = site.get(&format!("/v1/approvals:watch?{query}")).await;
        problem(refused, 400, "invalid-request").await;
    }
}

#[tokio::test]
async fn a_stream_goes_on_where_it_broke() {
    let site = Site::open().await;
    let place = site.json("/v1/approvals:watch?wait=1s").await["place"].as_str().unwrap().to_owned();
    let parked = site.park(sample::held()).await;
    let read_from = async |last: &str| {
        let request = site.request(Method::GET, "/v1/approvals:watch").bearer_auth(ALICE);
        let mut stream = request.header("last-event-id", last).send().await.unwrap();
        let mut text = String::new();
        eventually("an event with its place", async || {
            let chunk = stream.chunk().await.unwrap()?;
            text.push_str(&String::from_utf8_lossy(&chunk));
            text.contains("\nid: ").then(|| text.clone())
        })
        .await
    };
    let told = read_from(&place).await;
    assert!(told.contains("event: approval") && told.contains(&parked.id.to_string()), "{told}");
    assert!(!told.contains("event: anything"), "{told}");
    let told = read_from("of another replica").await;
    assert!(told.contains("event: anything"), "{told}");
}

#[tokio::test]
async fn an_approval_that_did_not_change_is_not_sent_again() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let path = format!("/v1/approvals/{}", parked.id);
    let first = site.get(&path).await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let ask = async |tag: &str| {
        let request = site.request(Method::GET, &path).bearer_auth(ALICE).header("if-none-match", tag);
        request.send().await.unwrap()
    };
    for known in [tag.clone(), format!("\"other\", W/{tag}")] {
        let answer = ask(&known).await;
        assert_eq!(
            (answer.status(), answer.text().await.unwrap()),
            (StatusCode::NOT_MODIFIED, String::new())
        );
    }
    site.post(ALICE, &parked.decisions(), &parked.decision("reject", "no")).await;
    let changed = ask(&tag).await;
    assert_ne!(changed.headers()["etag"].to_str().unwrap(), tag);
    assert_eq!(changed.json::<Value>().await.unwrap()["state"], "rejected");
}
