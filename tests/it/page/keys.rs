//! Fast hands.

use serde_json::json;
use thirtyfour::Key;

use super::Desk;

const FOCUSED: &str = "return document.activeElement.closest('.card')?.querySelector('h2').textContent ?? ''";

#[tokio::test]
async fn every_key_leads_to_what_it_says_and_none_decides() {
    let desk = Desk::open().await;
    let call = desk.calls("bot", "drop_table", json!({ "table": "a" }));
    desk.colleague().sees(1).await;
    let _other = desk.calls("bot", "cache_flush", json!({}));
    desk.sees("article:nth-of-type(2) [value=approve]:enabled").await;

    desk.presses("j").await;
    assert_eq!(desk.text(FOCUSED).await, "drop_table");
    desk.presses("j").await;
    assert_eq!(desk.text(FOCUSED).await, "cache_flush");
    desk.presses("k").await;
    assert_eq!(desk.text(FOCUSED).await, "drop_table");

    desk.presses(Key::Enter).await;
    desk.reads("article:first-of-type .more", "Approval").await;
    desk.sees("article:first-of-type .more[open]").await;
    desk.presses("x").await;
    desk.reads("#selection", "1 selected").await;
    desk.presses(Key::Escape).await;
    desk.misses("#selection").await;
    desk.presses("d").await;
    desk.reads("#said", "Nothing was approved before").await;

    desk.presses("r").await;
    assert!(desk.truth("return document.activeElement.matches('article:first-of-type textarea')").await);
    desk.presses("jax").await;
    assert_eq!(desk.value_of("article:first-of-type textarea").await, "jax", "they are letters here");
    desk.presses(Key::Escape).await;
    assert!(desk.truth("return document.activeElement.matches('article:first-of-type')").await);

    desk.presses("/").await;
    desk.presses("flush").await;
    desk.misses("article:first-of-type").await;
    desk.presses("zzz").await;
    desk.sees("#unfound").await;
    desk.presses(Key::Escape).await;
    desk.sees("article:first-of-type").await;

    desk.presses("?").await;
    desk.reads("#help", "Single keys work here").await;
    desk.clicks("#single-keys").await;
    desk.clicks("#help form button").await;
    desk.clicks("h1").await;
    desk.presses("x").await;
    desk.misses("#selection").await;
    desk.clicks("#keys").await;
    desk.clicks("#single-keys").await;
    desk.clicks("#help form button").await;

    assert_eq!(desk.colleague().pending().await.len(), 2, "no key has decided anything");
    desk.presses("a").await;
    assert!(desk.truth("return document.activeElement.value === 'approve'").await);
    desk.presses(Key::Enter).await;
    desk.reads("article:first-of-type .standing", "1 of 2").await;
    let id = desk.colleague().pending().await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(desk.colleague().approval(&id).await["votes"].as_array().unwrap().len(), 1);
    assert!(!call.is_finished());

    desk.clicks("article:nth-of-type(2) textarea").await;
    desk.presses("no").await;
    desk.types("article:nth-of-type(2) textarea", Key::Control + Key::Enter).await;
    desk.reads(".ended", "rejected by reviewer").await;
}
