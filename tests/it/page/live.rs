//! The page stays true, and stays calm.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Desk;

/// Where the focused card's form is on the screen.
const PLACE: &str = "return document.activeElement.getBoundingClientRect().top";

#[tokio::test]
async fn what_is_typed_and_focused_stays_where_it_is_while_others_decide_at_another_replica() {
    let desk = Desk::open().await;
    let above = desk.calls("first", "run_migration", json!({ "version": "v3" }));
    let above_id = desk.colleague().sees_one().await;
    let _mine = desk.calls("second", "drop_table", json!({ "table": "orders" }));
    desk.sees("article:nth-of-type(2) textarea").await;
    assert_eq!(desk.title().await.unwrap(), "(2) Holdpoint");
    desk.types("article:nth-of-type(2) textarea", "I am writing").await;
    let place = desk.number(PLACE).await;

    desk.colleague().rejects(&above_id, "no").await;
    desk.reads(".ended", "rejected by reviewer").await;
    above.await.unwrap();
    let mine = desk.colleague().sees_one().await;
    desk.colleague().approves(&mine).await;
    desk.reads("article:nth-of-type(2) .standing", "1 of 2 approvals").await;
    desk.reads("article:nth-of-type(2) .standing", "reviewer approves").await;
    desk.reads("article:nth-of-type(2) .cannot", "you have voted on this already").await;
    let _below = desk.calls("third", "cache_flush", json!({}));
    desk.sees("article:nth-of-type(3)").await;

    assert_eq!(desk.value_of("article:nth-of-type(2) textarea").await, "I am writing");
    let moved = (desk.number(PLACE).await - place).abs();
    assert!(moved < 1.5, "it has moved by {moved} px");
    assert!(desk.truth("return document.activeElement.matches('article:nth-of-type(2) textarea')").await);
    assert_eq!(desk.title().await.unwrap(), "(2) Holdpoint");
}

#[tokio::test]
async fn while_the_page_may_be_old_nobody_decides_on_it_and_it_comes_back_by_itself() {
    let mut desk = Desk::open().await;
    let _call = desk.calls("bot", "cache_flush", json!({}));
    desk.sees(".card [value=approve]:enabled").await;
    desk.world.redis.stop();
    desk.reads("#offline", "What you see may be old, so deciding is off.").await;
    desk.sees(".card [value=approve]:disabled").await;
    desk.sees(".card [value=reject]:disabled").await;
    desk.world.redis.restart().await;
    desk.misses("#offline").await;

    desk.world.a.crash().await;
    desk.reads("#offline", "Not connected.").await;
}

#[tokio::test]
async fn an_empty_page_says_whether_the_gate_is_asked() {
    let desk = Desk::open().await;
    desk.reads("#empty", "Nothing waits for a decision. The store answers.").await;
    desk.world.lists_tools_at_once().await;
    desk.opens("/").await;
    desk.reads("#empty", "A gateway last asked this replica at").await;
    desk.reads("#empty", "This replica last parked and refused a probe of its own at").await;
}

#[tokio::test]
async fn what_happens_at_another_replica_is_seen_within_a_second() {
    let desk = Desk::open().await;
    let mut took = Vec::new();
    for i in 0..5 {
        let _call = desk.calls("bot", "drop_table", json!({ "table": i }));
        let id = desk.colleague().sees_one().await;
        desk.sees(&format!("#{id} [value=approve]:enabled")).await;
        let since = Instant::now();
        desk.colleague().rejects(&id, "no").await;
        desk.reads(&format!("#{id} .ended"), "rejected by reviewer").await;
        took.push(since.elapsed());
    }
    println!("from the decision at one replica until the page of another shows it: {took:?}");
    // A machine that does much else is slow now and then: not each time.
    assert!(took.iter().min().unwrap() < &Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn a_page_whose_reader_has_signed_out_says_so_and_decides_nothing() {
    let desk = Desk::open().await;
    let _call = desk.calls("bot", "cache_flush", json!({}));
    desk.sees(".card [value=approve]:enabled").await;
    // As in another tab.
    desk.execute("return fetch('/logout', { method: 'POST' })", vec![]).await.unwrap();
    desk.reads("#offline", "Your session has ended: sign in again in another tab.").await;
    desk.sees(".card [value=approve]:disabled").await;
}
