//! What was, and addresses that can be sent to somebody.

use serde_json::json;

use super::Desk;

#[tokio::test]
async fn history_is_filtered_and_leads_to_the_whole_timeline() {
    let desk = Desk::open().await;
    for (caller, tool) in [("ann", "cache_flush"), ("bob", "cache_flush"), ("bob", "run_migration")] {
        let call = desk.calls(caller, tool, json!({ "version": "v3" }));
        let id = desk.colleague().sees_one().await;
        desk.colleague().rejects(&id, &format!("no, {caller}")).await;
        call.await.unwrap();
    }
    desk.opens("/history?page_size=2").await;
    assert_eq!(desk.count(".history tbody tr").await, 2);
    desk.reads(".history tbody tr:first-child", "run_migration").await;
    desk.clicks(".next a").await;
    desk.reads(".history tbody tr:first-child", "no, ann").await;
    assert_eq!(desk.count(".history tbody tr").await, 1);

    desk.types("[name=caller]", "bob").await;
    desk.types("[name=tool]", "cache_flush").await;
    desk.types("[name=state]", "rejected").await;
    desk.clicks(".filters button").await;
    desk.reads(".history tbody tr:only-child", "no, bob").await;
    desk.clicks(".history tbody a").await;
    desk.reads(".timeline", "The call arrived and was held.").await;
    desk.reads(".timeline", "reviewer rejects: no, bob").await;
    desk.reads(".timeline", "Rejected").await;
    desk.reads(".card .json", "v3").await;
    desk.misses(".card .verdicts").await;
    desk.opens("/history?state=expired").await;
    desk.reads("main", "Nothing on record matches.").await;
    desk.opens("/history?state=odd").await;
    desk.reads("[role=alert]", "state: one of all").await;
}

#[tokio::test]
async fn an_approval_has_an_address_where_it_is_decided_and_stays_true() {
    let desk = Desk::open().await;
    let _call = desk.calls("bot", "drop_table", json!({ "table": "orders" }));
    let id = desk.colleague().sees_one().await;
    desk.clicks(".card h2 a").await;
    desk.reads("h1", "One approval").await;
    assert!(desk.current_url().await.unwrap().path().ends_with(&id));
    desk.clicks("[value=approve]").await;
    desk.reads(".standing", "1 of 2").await;
    desk.colleague().decide(&id, json!({ "approved": false, "reason": "no" })).await;
    let other = desk.calls("bot", "cache_flush", json!({}));
    desk.colleague().sees(2).await;
    assert_eq!(desk.count(".card").await, 1, "no other card comes here");
    other.abort();
}
