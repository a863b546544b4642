//! Calls that are alike, and several decided at once.

use serde_json::json;
use thirtyfour::Key;

use super::Desk;

#[tokio::test]
async fn calls_that_are_alike_are_one_card_that_opens_and_are_decided_together() {
    let desk = Desk::open().await;
    let mut calls = Vec::new();
    for region in ["eu", "eu", "us", "eu"] {
        calls.push(desk.calls("bot", "cache_flush", json!({ "region": region })));
        desk.colleague().sees(calls.len()).await;
    }
    desk.reads(".card .times", "×4").await;
    desk.reads(".likes summary", "3 more like this: 2 identical, 1 with other arguments").await;
    let other = desk.calls("another-bot", "cache_flush", json!({ "region": "eu" }));
    desk.sees("#cards > .card ~ .card").await;
    assert_eq!(desk.count("#cards > .card").await, 2, "another caller is another card");
    desk.presses("j").await;
    desk.presses(Key::Enter).await;
    desk.reads(".members .card", "\"us\"").await;

    // Two that differ can be compared and not approved together.
    desk.clicks("#cards > .card .pick input").await;
    desk.clicks(".members .card:nth-child(2) .pick input").await;
    desk.sees("#approve-all:disabled").await;
    desk.clicks("h1").await;
    desk.presses("d").await;
    desk.reads("#compared .diff th", "arguments.region").await;
    desk.clicks("#comparison form button").await;
    desk.clicks("#compare").await;
    desk.reads("#compared .diff th", "arguments.region").await;
    desk.reads("#compared .before", "eu").await;
    desk.reads("#compared .after", "us").await;
    desk.clicks("#comparison form button").await;
    desk.clicks("#clear").await;

    desk.clicks("#cards > .card .pick input").await;
    desk.clicks(".members .card:nth-child(1) .pick input").await;
    desk.clicks("#approve-all").await;
    desk.reads("#bulk-count", "2 of 2 would be approved.").await;
    assert_eq!(desk.colleague().pending().await.len(), 5, "nothing is recorded by counting");
    desk.clicks("#bulk-go").await;
    desk.reads(".banner", "2 approved.").await;
    desk.colleague().sees(3).await;

    desk.reads(".likes summary", "1 more like this").await;
    desk.clicks(".pick-all").await;
    desk.reads("#selection", "2 selected").await;
    desk.clicks("#reject-all").await;
    desk.reads("#bulk-count", "2 of 2 would be rejected.").await;
    desk.clicks("#bulk-go").await;
    desk.reads("#bulk-count", "Say why").await;
    // Somebody else is faster with one of them.
    let first = desk.colleague().pending().await[0]["id"].as_str().unwrap().to_owned();
    desk.colleague().rejects(&first, "mine").await;
    desk.types("#bulk-reason", "not during the sale").await;
    desk.clicks("#bulk-go").await;
    desk.reads(".banner", "1 rejected. 1 cannot be: rejected by reviewer").await;
    let left = desk.colleague().sees(1).await;
    assert_eq!(left[0]["toolArgs"], json!({ "region": "eu" }), "the other caller's call still waits");
    let mut rejected = 0;
    for call in calls {
        let answer = call.await.unwrap().text().await.unwrap();
        rejected += usize::from(answer.contains("not during the sale"));
    }
    assert_eq!(rejected, 1);
    other.abort();
}
