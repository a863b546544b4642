//! What a card tells, and what its buttons do.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Desk;
use crate::support::eventually::eventually;

#[tokio::test]
async fn a_card_tells_the_call_what_was_decided_before_and_what_the_agent_claims() {
    let desk = Desk::open().await;
    desk.reads("#empty", "No gateway has asked this replica").await;
    let arguments = |version: &str| json!({ "version": version, "force": false, "why": "the user asked" });
    let first = desk.calls("dba-bot", "run_migration", arguments("v2"));
    desk.reads(".card .facts", "first call of this tool on record").await;
    desk.types(".card textarea", "agreed").await;
    desk.clicks(".card [value=approve]").await;
    desk.reads(".ended", "let through").await;
    first.await.unwrap();

    let second = desk.calls("dba-bot", "run_migration", arguments("v3"));
    let card = ".card:not(.over)";
    desk.reads(&format!("{card} .facts"), "The call approved last was another one: by reviewer").await;
    desk.reads(&format!("{card} .facts"), "agreed").await;
    desk.clicks(&format!("{card} .compared summary")).await;
    desk.reads(&format!("{card} .diff th"), "version").await;
    desk.reads(&format!("{card} .diff .before"), "v2").await;
    desk.reads(&format!("{card} .diff .after"), "v3").await;
    desk.reads(&format!("{card} .claims"), "Claimed by the agent, checked by nobody").await;
    desk.reads(&format!("{card} .claims"), "the user asked").await;
    for (css, text) in [
        ("h2", "Schema migration"),
        (".call", "run_migration"),
        (".call .json", "\"version\": \"v3\""),
        (".call .json .word", "false"),
        ("dl", "dba-bot"),
        ("dl", "privileged"),
        (".rule", "migrations: mcp.tool.name == \"run_migration\""),
        (".standing", "The caller waits."),
        (".standing", "0 of 1 approval"),
        (".countdown", "min"),
    ] {
        desk.reads(&format!("{card} {css}"), text).await;
    }
    let link = desk.sees(&format!("{card} a[target=_blank]")).await.attr("href").await.unwrap();
    assert_eq!(link.unwrap(), "https://traces.example/0af7651916cd43dd8448eb211c80319c");
    let article = desk.sees(card).await;
    let sentence = desk.text_of(&format!("{card} .standing .unshown")).await;
    assert!(sentence.starts_with("run_migration on privileged by dba-bot, expires in 1"), "{sentence}");
    assert!(sentence.ends_with("minutes, needs 1 approval, has 0"), "{sentence}");
    let label = format!("{}-sentence", article.id().await.unwrap().unwrap());
    assert_eq!(article.attr("aria-labelledby").await.unwrap(), Some(label));

    second.abort();
    desk.reads(&format!("{card} .standing"), "The caller has left").await;
    let back = desk.calls("dba-bot", "run_migration", arguments("v3"));
    desk.reads(&format!("{card} .standing"), "The caller is back, and waits.").await;
    desk.clicks(&format!("{card} .preset")).await;
    desk.clicks(&format!("{card} .preview summary")).await;
    desk.reads(&format!("{card} .preview"), "REJECTED: run_migration was not executed").await;
    desk.reads(&format!("{card} .preview"), "Freeze until Monday.").await;
    desk.clicks(&format!("{card} [value=reject]")).await;
    let told = back.await.unwrap().text().await.unwrap();
    assert!(told.contains("REJECTED") && told.contains("Freeze until Monday."), "{told}");

    let _again = desk.calls("dba-bot", "run_migration", arguments("v3"));
    desk.reads(&format!("{card} .facts"), "The identical call was rejected before").await;
}

#[tokio::test]
async fn nothing_is_rejected_without_a_reason_and_who_comes_second_reads_what_stands() {
    let desk = Desk::open().await;
    let call = desk.calls("bot", "drop_table", json!({ "table": "orders" }));
    desk.clicks(".card [value=reject]").await;
    desk.reads(".card .note", "Say why: the agent reads it.").await;
    let id = desk.colleague().sees_one().await;
    assert_eq!(desk.colleague().approval(&id).await["state"], "pending");

    // The page sees nothing for a while, as on a bad line: it decides on what it last saw.
    desk.types(".card textarea", "too late").await;
    desk.colleague().rejects(&id, "first").await;
    desk.reads(".card .ended", "rejected by reviewer").await;
    desk.reads(".card .ended", "first").await;
    assert_eq!(desk.value_of(".card textarea").await, "too late", "what was typed stays");
    desk.misses(".card .verdicts").await;
    let decisions = format!("/v1/approvals/{id}/decisions");
    let fingerprint = desk.colleague().approval(&id).await["fingerprint"].clone();
    let late = json!({ "verdict": "approve", "reason": "late", "fingerprint": fingerprint }).to_string();
    let post =
        "const [path, body] = arguments; return fetch(path, { method: 'POST', body }).then((a) => a.json())";
    let problem = desk.execute(post, vec![json!(decisions), json!(late)]).await.unwrap();
    let problem: Value = problem.json().clone();
    assert!(problem["detail"].as_str().unwrap().starts_with("rejected by reviewer at"), "{problem}");
    desk.clicks(".card .decide > button").await;
    assert_eq!(call.await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_decision_is_a_form_that_works_without_scripts() {
    let desk = Desk::open().await;
    desk.scripts(false).await;
    let call = desk.calls("bot", "cache_flush", json!({ "region": "eu" }));
    let id = desk.colleague().sees_one().await;
    desk.opens("/").await;
    desk.misses(".scripted").await;
    desk.types(".card textarea", "not during the sale").await;
    desk.clicks(".card [value=reject]").await;
    desk.reads(".timeline", "reviewer rejects: not during the sale").await;
    assert!(desk.current_url().await.unwrap().path().ends_with(&id));
    assert!(call.await.unwrap().text().await.unwrap().contains("not during the sale"));

    let _second = desk.calls("bot", "cache_flush", json!({ "region": "us" }));
    let id = desk.colleague().sees_one().await;
    desk.opens(&format!("/a/{id}")).await;
    desk.colleague().approves(&id).await;
    desk.types(".card textarea", "too late").await;
    desk.clicks(".card [value=reject]").await;
    desk.reads(".note", "Not recorded: approved by reviewer").await;
    let state = eventually("it to be let through", async || {
        Some(desk.colleague().approval(&id).await).filter(|approval| approval["state"] == "released")
    });
    assert_eq!(state.await["votes"].as_array().unwrap().len(), 1);
}
