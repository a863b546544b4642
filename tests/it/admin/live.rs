//! Server-sent events: for the page, and for whoever watches the API.

use std::collections::BTreeSet;
use std::time::Duration;

use holdpoint::domain::ids::ApprovalId;
use holdpoint::domain::sample;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::site::{ALICE, BOUND, Site, call_with};

struct Events {
    response: Response,
    text: String,
    place: Option<String>,
}

impl Events {
    async fn of(site: &Site, path: &str) -> Self {
        Self::read(site.request(Method::GET, path)).await
    }

    /// For somebody who left off there.
    async fn after(site: &Site, path: &str, place: &str) -> Self {
        Self::read(site.request(Method::GET, path).header("last-event-id", place)).await
    }

    async fn read(request: RequestBuilder) -> Self {
        let response = request.bearer_auth(ALICE).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new(), place: None }
    }

    /// Where the last event leaves off.
    fn place(&self) -> String {
        self.place.clone().expect("the event has a place")
    }

    /// The next event; none where the stream ends.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let field =
                    |name: &str| block.lines().find_map(|line| line.strip_prefix(name).map(str::trim));
                self.place = field("id:").map(str::to_owned).or(self.place.take());
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

/// The card that a page fetches once it is told of a change.
async fn card(site: &Site, id: &ApprovalId) -> String {
    site.get(&format!("/cards/{id}")).await.text().await.unwrap()
}

#[tokio::test]
async fn a_page_is_told_what_is_parked_left_and_decided_and_reads_how_it_stands() {
    let site = Site::open().await;
    let first = site.park(sample::held()).await;
    let mut events = Events::of(&site, "/events").await;
    let sync = events.expect("sync").await;
    assert_eq!((&sync["cards"][0][0], &sync["open"]), (&json!(first.id.to_string()), &json!(1)));
    assert_eq!(sync["more"], false);
    let version = format!("data-version=\"{}\"", sync["cards"][0][1].as_str().unwrap());
    assert!(card(&site, &first.id).await.contains(&version), "a page that has this looks at nothing");

    let mut held = call_with(r#"{"i":1}"#);
    held.fingerprint = "22".repeat(32).parse().unwrap();
    held.terms.approvals = 2;
    let second = site.park(held).await;
    let told = [json!(second.id.to_string())];
    let changed = events.expect("changed").await;
    assert_eq!((changed["ids"].as_array().unwrap().as_slice(), &changed["open"]), (&told[..], &json!(2)));
    assert!(card(&site, &second.id).await.contains("The caller waits."));

    site.post(ALICE, &second.decisions(), &second.decision("approve", "<b>fine</b>")).await;
    assert_eq!(events.expect("changed").await["ids"], json!(told));
    let html = card(&site, &second.id).await;
    assert!(html.contains("alice approves: &lt;b&gt;fine&lt;/b&gt;") && html.contains("1 of 2"), "{html}");
    assert!(html.contains("You cannot decide: you have voted on this already."), "{html}");

    second.call.abort();
    assert_eq!(events.expect("changed").await["ids"], json!(told));
    let html = card(&site, &second.id).await;
    assert!(html.contains("The caller has left"), "{html}");

    site.post(ALICE, &first.decisions(), &first.decision("reject", "no")).await;
    assert_eq!(events.expect("changed").await["ids"], json!([first.id.to_string()]));
    let html = card(&site, &first.id).await;
    assert!(html.contains("rejected by alice at"), "{html}");
}

#[tokio::test]
async fn a_page_that_comes_back_is_told_what_it_has_missed_and_no_more() {
    let site = Site::open().await;
    let (seen, ended) = (site.park(sample::held()).await, site.park(call_with("{}")).await);
    let mut events = Events::of(&site, "/events").await;
    events.expect("sync").await;
    let place = events.place();
    drop(events);
    site.post(ALICE, &ended.decisions(), &ended.decision("reject", "no")).await;
    let missed = site.park(call_with(r#"{"i":1}"#)).await;

    let mut back = Events::after(&site, "/events", &place).await;
    let told = back.expect("changed").await;
    assert_eq!(told["ids"], json!([ended.id.to_string(), missed.id.to_string()]));
    assert!(!told["ids"].to_string().contains(&seen.id.to_string()), "{told}");
    let place = back.place();
    let nothing = Events::after(&site, "/events", &place).await.expect("changed").await;
    assert_eq!((&nothing["ids"], &nothing["open"]), (&json!([]), &json!(2)));

    let elsewhere = format!("{}-7", "11".repeat(16));
    for gap in [elsewhere.as_str(), "nowhere"] {
        let sync = Events::after(&site, "/events", gap).await.expect("sync").await;
        assert_eq!(sync["cards"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn what_changes_at_once_is_told_at_once_and_each_record_once() {
    let site = Site::open().await;
    let mut events = Events::of(&site, "/events").await;
    events.expect("sync").await;
    let mut parked = Vec::new();
    for i in 0..40 {
        let mut held = call_with(&format!(r#"{{"i":{i}}}"#));
        held.fingerprint = format!("{i:064}").parse().unwrap();
        held.terms.approvals = 2;
        let call = site.park(held).await;
        site.post(ALICE, &call.decisions(), &call.decision("approve", "fine")).await;
        parked.push(call.id.to_string());
    }
    let (mut told, mut count) = (BTreeSet::new(), 0);
    while told.len() < parked.len() {
        let changed = events.expect("changed").await;
        told.extend(changed["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()));
        count += 1;
    }
    assert_eq!(told, parked.into_iter().collect());
    assert!(count < 40, "{count} events for 80 changes");
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
