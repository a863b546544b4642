//! The way in.

use crate::support::browser::Browser;
use crate::support::processes::{Holdpoint, TOKEN};

#[tokio::test]
async fn a_token_opens_the_queue() {
    let replica = Holdpoint::start("", None).await;
    let browser = Browser::start().await;
    browser.opens(replica.admin()).await;
    browser.types("#token", TOKEN).await;
    browser.clicks("form button").await;
    browser.reads("main", "Nothing waits").await;
    browser.misses("#token").await;
}
