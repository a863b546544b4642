//! The way in.

use holdpoint::domain::sample;

use crate::admin::site::{ALICE, Site};
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

#[tokio::test]
async fn the_address_of_one_approval_survives_signing_in() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let browser = Browser::start().await;
    browser.opens(&format!("{}/a/{}", site.url, parked.id)).await;
    browser.types("#token", ALICE).await;
    browser.clicks("form button").await;
    browser.reads("h1", "One approval").await;
    browser.reads(".card", "run_migration").await;
}
