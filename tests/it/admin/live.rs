//! Server-sent events: for the page, and for whoever watches the API.

use std::time::Duration;

use holdpoint::domain::sample;
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use super::site::{ALICE, BOUND, Site, call_with};

struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn of(site: &Site, path: &str) -> Self {
        let response = site.get(path).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event; none where the stream ends.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field =
                    |name: &str| block.lines().find_map(|line| line.strip_prefix(name).map(str::trim));
                if let (Some(event), Some(data)) = (field("event:"), field("data:")) {
                    return Some((event.to_owned(), serde_json::from_str(data).unwrap()));
                }
            }
            let chunk =
                timeout(BOUND, self.response.chunk()).await.expect("news within the bound").ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The data of the next event, which has this name.
    async fn expect(&mut self, name: &str) -> Value {
        let (event, data) = self.next().await.expect("the stream goes on");
        assert_eq!(event, name, "{data}");
        data
    }
}

#[tokio::test]
async fn a_page_is_told_of_what_is_parked_left_and_decided() {
    let site = Site::open().await;
    let first = site.park(sample::held()).await;
    let mut events = Events::of(&site, "/events").await;
    let sync = events.expect("sync").await;
    assert_eq!(sync["ids"], serde_json::json!([first.id.to_string()]));
    assert_eq!(events.expect("card").await["id"], first.id.to_string());

    let mut held = call_with(r#"{"i":1}"#);
    held.fingerprint = "22".repeat(32).parse().unwrap();
    held.terms.approvals = 2;
    let second = site.park(held).await;
    let card = events.expect("card").await;
    assert_eq!(card["id"], second.id.to_string());
    assert!(card["html"].as_str().unwrap().contains("The caller waits."));

    site.post(ALICE, &second.decisions(), &second.decision("approve", "<b>fine</b>")).await;
    let card = events.expect("card").await;
    let html = card["html"].as_str().unwrap();
    assert!(html.contains("alice approves: &lt;b&gt;fine&lt;/b&gt;") && html.contains("1 of 2"), "{html}");
    assert!(html.contains("You cannot decide: you have voted on this already."), "{html}");

    second.call.abort();
    let card = events.expect("card").await;
    assert!(card["html"].as_str().unwrap().contains("The caller has left"), "{card}");

    site.post(ALICE, &first.decisions(), &first.decision("reject", "no")).await;
    let gone = events.expect("gone").await;
    assert_eq!(gone["id"], first.id.to_string());
    assert!(gone["html"].as_str().unwrap().contains("rejected by alice at"), "{gone}");
}

#[tokio::test]
async fn a_watcher_is_told_to_list_and_then_reads_each_change() {
    let site = Site::open().await;
    let mut events = Events::of(&site, "/v1/approvals:watch").await;
    events.expect("anything").await;
    let parked = site.park(sample::held()).await;
    let approval = events.expect("approval").await;
    assert_eq!((&approval["id"], &approval["state"]), (&parked.id.to_string().into(), &"pending".into()));
    site.post(ALICE, &parked.decisions(), &parked.decision("reject", "no")).await;
    assert_eq!(events.expect("approval").await["state"], "rejected");
}

#[tokio::test]
async fn streams_end_when_the_replica_drains() {
    let site = Site::open().await;
    let mut page = Events::of(&site, "/events").await;
    page.expect("sync").await;
    let mut watch = Events::of(&site, "/v1/approvals:watch").await;
    watch.expect("anything").await;
    site.draining.cancel();
    assert_eq!(page.next().await, None);
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn a_replica_that_stops_does_not_wait_for_those_who_watch() {
    let mut site = Site::open().await;
    let mut page = Events::of(&site, "/events").await;
    page.expect("sync").await;
    site.draining.cancel();
    site.shutdown.cancel();
    timeout(BOUND, &mut site.server).await.expect("it ends within the bound").unwrap();
}

#[tokio::test]
async fn a_store_that_fails_is_told_and_the_page_comes_back_for_the_rest() {
    let site = Site::open().await;
    site.store.switch(false);
    let mut events = Events::of(&site, "/events").await;
    assert_eq!(events.expect("trouble").await, "the store does not answer: switched off");
    assert_eq!(events.next().await, None);
    site.store.switch(true);
    Events::of(&site, "/events").await.expect("sync").await;
}

#[tokio::test]
async fn a_stream_tells_the_browser_how_soon_to_come_back() {
    let site = Site::open().await;
    let request = site.request(Method::GET, "/events").bearer_auth(ALICE).timeout(Duration::from_secs(5));
    let chunk = request.send().await.unwrap().chunk().await.unwrap().unwrap();
    assert!(std::str::from_utf8(&chunk).unwrap().contains("retry: 1000"));
}
