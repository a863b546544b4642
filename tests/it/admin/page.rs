//! The page, as the server makes it.

use holdpoint::domain::approval::Held;
use holdpoint::domain::ids::{Group, Subject};
use holdpoint::domain::quorum::Share;
use holdpoint::domain::sample;
use reqwest::StatusCode;

use super::site::{ALICE, DORA, Site, call_with};

async fn page_of(site: &Site, held: Held) -> String {
    site.park(held).await;
    site.get("/").await.text().await.unwrap()
}

#[tokio::test]
async fn every_answer_forbids_what_a_page_does_not_need() {
    let site = Site::open().await;
    for path in ["/", "/pending", "/v1/approvals/x", "/livez", "/nowhere"] {
        let response = site.get(path).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap();
        assert_eq!(
            header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "same-origin");
        assert_eq!(header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn the_page_loads_its_own_assets_only_and_they_may_be_kept() {
    let site = Site::open().await;
    let page = page_of(&site, sample::held()).await;
    assert!(!page.contains("://"), "no other host: {page}");
    let links = page.split('"').filter(|part| part.starts_with("/assets/")).collect::<Vec<_>>();
    assert_eq!(links.len(), 4);
    let types = ["image/svg+xml", "text/css", "text/javascript", "text/javascript"];
    for (link, media_type) in links.iter().zip(types) {
        let response = site.request(reqwest::Method::GET, link).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{link}");
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with(media_type));
        assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable");
    }
}

#[tokio::test]
async fn a_card_tells_the_call_and_leaves_the_choice_open() {
    let site = Site::open().await;
    let mut held = call_with(r#"{"version":"v3"}"#);
    held.body = held.body.replace(r#""arguments""#, r#""_meta":{"who":"knows"},"arguments""#);
    held.terms.title = Some("Migrate <production>".into());
    held.caller.actors = vec![Subject("runtime".into())];
    let page = page_of(&site, held).await;
    for text in [
        "Migrate &lt;production&gt;",
        "<code>run_migration</code>",
        "&quot;version&quot;",
        "&quot;v3&quot;",
        "&quot;knows&quot;",
        "data-incarnation=\"00000000",
        "dba-assistant",
        "runtime",
        "POST /privileged/mcp",
        "ops-tools",
        "privileged",
        "migrations",
        "111111111111",
        "0 of 1",
        "The caller waits.",
        "any reviewer may decide",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert!(!page.contains(" checked") || page.matches(" checked").count() == 1, "only the switch for keys");
    for verdict in ["approve", "reject"] {
        assert!(page.contains(&format!("<button type=\"submit\" name=\"verdict\" value=\"{verdict}\"")));
    }
}

#[tokio::test]
async fn a_card_names_the_groups_that_are_still_needed() {
    let site = Site::open().await;
    let mut held = sample::held();
    let share = |name: &str| Share { group: Group(name.into()), people: 1 };
    held.terms.shares = vec![share("dba"), share("security")];
    held.terms.reviewers = vec![Group("dba".into()), Group("security".into())];
    held.terms.approvals = 2;
    let parked = site.park(held).await;
    let card = async || site.get(&format!("/cards/{}", parked.id)).await.text().await.unwrap();
    let before = card().await;
    assert!(
        before.contains("still needed: <strong><bdi>dba</bdi></strong>, <strong><bdi>security"),
        "{before}"
    );
    site.post(DORA, &parked.decisions(), &parked.decision("approve", "fine")).await;
    let after = card().await;
    assert!(after.contains("still needed: <strong><bdi>security</bdi></strong>"), "{after}");
    assert!(after.contains("needs 2 approvals, has 1, still out of security"), "{after}");
}

#[tokio::test]
async fn a_card_tells_where_something_is_not_shown() {
    let site = Site::open().await;
    let mut held = sample::held();
    held.redacted.dropped = vec!["/arguments/password".into()];
    held.redacted.masked = vec![("/arguments/<iban>".into(), r#""DE1""#.into())];
    let page = page_of(&site, held).await;
    assert!(page.contains("Dropped: <code>/arguments/password</code>"), "{page}");
    assert!(page.contains("Masked: <code>/arguments/&lt;iban&gt;</code>") && !page.contains("DE1"), "{page}");
}

#[tokio::test]
async fn a_caller_that_nobody_vouches_for_is_called_unknown() {
    let site = Site::open().await;
    let mut held = sample::held();
    held.caller.subject = None;
    assert!(page_of(&site, held).await.contains("unknown: the gateway vouches for nobody"));
}

#[tokio::test]
async fn markup_in_what_the_agent_sends_stays_text() {
    let site = Site::open().await;
    let evil = "</div><script>alert(1)</script><img src=x onerror=alert(2)>";
    let mut held = call_with(&serde_json::json!({evil: [evil]}).to_string());
    held.tool = Some(evil.into());
    held.route = Some(evil.into());
    held.session = Some(evil.into());
    held.trace = Some(evil.into());
    held.caller.subject = Some(Subject(evil.into()));
    held.caller.actors = vec![Subject(evil.into())];
    held.request.target = evil.into();
    held.request.host = evil.into();
    held.request.headers = vec![(evil.into(), evil.into())];
    let parked = site.park(held).await;
    let page = site.get("/").await.text().await.unwrap();
    assert!(!page.contains("<img") && !page.contains("alert(1)</script>"), "{page}");
    site.post(ALICE, &parked.decisions(), &parked.decision("reject", evil)).await;
    let line = site.get(&format!("/cards/{}", parked.id)).await.text().await.unwrap();
    assert!(
        line.contains("rejected by alice") && !line.contains("<img") && !line.contains("<script"),
        "{line}"
    );
}

#[tokio::test]
async fn characters_that_hide_or_turn_text_are_spelled_out() {
    let site = Site::open().await;
    let mut held = call_with(r#"{"sql":"drop\u202Etable\u200B\u0007"}"#);
    held.caller.subject = Some(Subject("ali\u{200D}ce".into()));
    let page = page_of(&site, held).await;
    for code in ["U+202E", "U+200B", "U+0007", "U+200D"] {
        assert!(page.contains(&format!("<span class=\"unseen\">⟨{code}⟩</span>")), "{code}");
    }
    assert!(!page.contains(['\u{202E}', '\u{200B}', '\u{7}', '\u{200D}']));
}

#[tokio::test]
async fn two_megabytes_are_folded_and_not_cut() {
    let site = Site::open().await;
    let text = "<i>".repeat(700_000);
    let page = page_of(&site, call_with(&serde_json::json!({ "text": text }).to_string())).await;
    assert!(page.contains("<details><summary>2100000 characters: "));
    assert_eq!(page.matches("&lt;i&gt;").count(), 700_000 + 26);
}

#[tokio::test]
async fn an_empty_queue_says_whether_the_store_answers() {
    let site = Site::open().await;
    let page = site.get("/").await.text().await.unwrap();
    assert!(page.contains("Nothing waits for a decision. The store answers."));
    site.store.switch(false);
    let page = site.get("/").await.text().await.unwrap();
    assert!(page.contains("the store does not answer: switched off"), "{page}");
    assert!(!page.contains("The store answers."));
}
