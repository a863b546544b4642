//! What others send is shown, and does nothing.

use holdpoint::domain::ids::Subject;
use serde_json::json;

use crate::admin::site::{ALICE, Site, call_with};
use crate::support::browser::Browser;

#[tokio::test]
async fn markup_escapes_overrides_and_two_megabytes_are_only_text() {
    let site = Site::open().await;
    let evil =
        "</textarea><img src=x onerror=alert(1)><script>alert(2)</script>\u{1b}[2J\u{202e}gnp.exe\u{200b}";
    let mut held =
        call_with(&json!({ evil: evil, "reason": evil, "text": "<i>".repeat(700_000) }).to_string());
    held.tool = Some(evil.into());
    held.route = Some(evil.into());
    held.terms.rule = evil.into();
    held.terms.title = Some(evil.into());
    held.caller.subject = Some(Subject(evil.into()));
    held.caller.actors = vec![Subject(evil.into())];
    held.request.headers = vec![(evil.into(), evil.into())];
    held.trace = Some(evil.into());
    let parked = site.park(held).await;

    let browser = Browser::start().await;
    browser.opens(&format!("{}/?token={ALICE}", site.url)).await;
    browser.reads(".card .claims", "onerror=alert(1)").await;
    browser.reads(".card .json summary", "2100000 characters").await;
    for code in ["U+001B", "U+202E", "U+200B"] {
        browser.reads(".card .call .unseen", code).await;
    }
    for path in ["/", "/history", &format!("/a/{}", parked.id)] {
        browser.opens(&format!("{}{path}", site.url)).await;
        browser.sees("h1").await;
        assert_eq!(browser.count("main img, main script, main i").await, 0, "{path}");
        let raw = "return /[\\u001b\\u202e\\u200b]/.test(document.documentElement.outerHTML)";
        assert!(!browser.truth(raw).await, "{path}");
    }
    browser.clicks(".card .json summary").await;
    let shown =
        "return document.querySelector('.card .json details').textContent.split('<i>').length > 700000";
    assert!(browser.truth(shown).await, "folded, and not cut");
    let elsewhere = "return performance.getEntriesByType('resource').filter((r) => !r.name.startsWith(location.origin)).length";
    assert_eq!(browser.number(elsewhere).await, 0.0, "nothing is asked of anybody else");
    browser.types("textarea", "no").await;
    browser.clicks("[value=reject]").await;
    browser.reads(".timeline", "alice rejects: no").await;
}
