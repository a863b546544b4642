//! More waits than a page has room for.

use holdpoint::domain::sample;

use crate::admin::site::{ALICE, Site};
use crate::support::browser::Browser;
use crate::support::eventually::until;

#[tokio::test]
async fn what_a_page_has_no_room_for_is_counted_found_and_shown_once_there_is_room() {
    let site = Site::open().await;
    let mut parked = Vec::new();
    for _ in 0..202 {
        parked.push(site.park(sample::held()).await);
    }
    let browser = Browser::start().await;
    browser.opens(&format!("{}/?token={ALICE}", site.url)).await;
    browser.reads("#more", "2 more are open").await;
    assert_eq!(browser.count(".card").await, 200);
    browser.reads("#count", "202").await;
    parked.push(site.park(sample::held()).await);
    browser.reads("#more", "3 more are open").await;
    browser.reads("#count", "203").await;
    assert_eq!(browser.count(".card").await, 200);

    let history = browser.sees("#more a").await.attr("href").await.unwrap().unwrap();
    let list = site.get(&history).await.text().await.unwrap();
    let last = parked.last().unwrap();
    assert!(list.contains(&last.id.to_string()), "{list}");

    for call in &parked[..4] {
        site.post(ALICE, &call.decisions(), &call.decision("reject", "no")).await;
    }
    browser.misses("#more").await;
    browser.reads("#count", "199").await;
    let there = format!("return !!document.getElementById('{}')", last.id);
    until("the last to be there", async || browser.truth(&there).await).await;
    until("the ended ones to be gone", async || browser.count(".card").await == 199).await;
}
