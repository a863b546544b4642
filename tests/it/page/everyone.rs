//! Everyone can work with the page.

use serde_json::json;

use super::Desk;

#[tokio::test]
async fn every_page_keeps_wcag_in_both_themes_and_fits_a_phone() {
    let desk = Desk::open().await;
    desk.keeps_wcag("empty").await;
    let first = desk.calls("bot", "run_migration", json!({ "version": "v2", "reason": "the user asked" }));
    desk.clicks(".card [value=approve]").await;
    first.await.unwrap();
    let mut waiting = Vec::new();
    for arguments in
        [json!({ "version": "v3" }), json!({ "version": "v3" }), json!({ "version": "v\u{202e}4" })]
    {
        waiting.push(desk.calls("bot", "run_migration", arguments));
    }
    let ids = desk.colleague().sees(3).await;
    desk.opens("/").await;
    desk.reads(".likes summary", "2 more like this").await;
    desk.clicks(".likes summary").await;
    desk.clicks(".likes .pick-all").await;
    let phone = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth";
    for theme in ["dark", "light"] {
        desk.clicks("#theme").await;
        desk.reads("#theme", theme).await;
        desk.keeps_wcag(theme).await;
    }
    let background = desk.text("return getComputedStyle(document.body).backgroundColor").await;
    desk.opens("/").await;
    assert_eq!(desk.text("return getComputedStyle(document.body).backgroundColor").await, background, "kept");

    desk.clicks("#keys").await;
    desk.keeps_wcag("help").await;
    desk.narrow(360).await;
    for path in ["/".to_owned(), "/history".to_owned(), format!("/a/{}", ids[0]["id"].as_str().unwrap())] {
        desk.opens(&path).await;
        desk.sees("h1").await;
        desk.keeps_wcag(&path).await;
        assert!(desk.truth(phone).await, "{path} is wider than a phone");
    }
    desk.delete_all_cookies().await.unwrap();
    desk.browser.opens(desk.world.a.admin()).await;
    desk.keeps_wcag("signing in").await;
}

#[tokio::test]
async fn a_new_call_is_told_outside_of_the_page_to_whoever_wants_that() {
    let desk = Desk::open().await;
    // A page without a window has no focus of its own, and the desktop's side cannot be seen from here.
    let stand_in = "window.told = []; document.hasFocus = () => false;
        window.Notification = class { static permission = 'granted'; static requestPermission = async () => 'granted';
          constructor(title, { body }) { window.told.push(`${title}: ${body}`); } };";
    desk.execute(stand_in, vec![]).await.unwrap();
    desk.clicks("#notify").await;
    desk.sees("#notify[aria-pressed=true]").await;
    let _call = desk.calls("bot", "cache_flush", json!({}));
    desk.sees(".card").await;
    let told = desk.text("return window.told.join()").await;
    assert!(
        told.starts_with("A call waits for a decision: cache_flush on privileged by bot, expires in"),
        "{told}"
    );
    desk.reads("#said", "New: cache_flush on privileged by bot").await;
}
