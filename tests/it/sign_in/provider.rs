//! A real provider, a real browser, and the built program on two replicas.

use serde_json::{Value, json};

use super::place::{Place, signs_in};
use crate::support::authority::Authority;
use crate::support::browser::Browser;
use crate::support::eventually::eventually;

async fn session(browser: &Browser) -> String {
    let cookie = browser.get_named_cookie("holdpoint").await.expect("a session");
    assert_eq!(cookie.http_only, Some(true));
    format!("holdpoint={}", cookie.value)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_with_a_browser_and_signs_out_on_all_replicas() {
    let mut place = Place::start().await;
    let browser = Browser::start().await;
    browser.opens(&format!("{}/?from=chat", place.a.url)).await;
    browser.reads("#sign-in", "Sign in with Example").await;
    for theme in ["dark", "light"] {
        browser
            .execute("document.documentElement.dataset.theme = arguments[0]", vec![json!(theme)])
            .await
            .unwrap();
        browser.keeps_wcag(theme).await;
    }
    browser.clicks("#sign-in").await;
    signs_in(&browser, "ana").await;
    // The provider asks whether the groups may be told.
    browser.clicks("button[type=submit]").await;
    browser.reads("header strong", "ana").await;
    let arrived = browser.current_url().await.unwrap();
    assert_eq!(arrived.as_str(), format!("{}/?from=chat", place.b.url), "the page that was wanted");

    let session = session(&browser).await;
    let ana = json!({"subject": "ana", "groups": ["dba", "platform-admins"], "roles": ["reviewer", "operator"],
        "proof": format!("oidc {}", place.provider.issuer())});
    for replica in [&place.a, &place.b] {
        assert_eq!(replica.whoami(&session).await, (200, ana.clone()));
    }
    let mut redis = place.redis.connection();
    let keys: Vec<String> = redis::cmd("KEYS").arg("holdpoint:session:*").query(&mut redis).unwrap();
    let record: String = redis::cmd("GET").arg(&keys[0]).query(&mut redis).unwrap();
    assert!(record.contains("ana") && !record.contains("eyJ"), "no token is kept: {record}");
    assert!(!keys[0].contains(session.trim_start_matches("holdpoint=")), "nor what the cookie holds");

    browser.clicks("form[action='/logout'] button").await;
    browser.sees("input[name=token]").await;
    for replica in [&place.a, &place.b] {
        assert_eq!(replica.whoami(&session).await.0, 401);
    }
    place.redis.stop();
    let (status, problem) = eventually("the store to be missed", async || {
        Some(place.a.whoami(&session).await).filter(|(status, _)| *status != 401)
    })
    .await;
    assert_eq!((status, &problem["type"]), (503, &json!("https://holdpoint.dev/problems/store-unavailable")));
    for replica in [&place.a, &place.b] {
        let log = replica.running.stderr();
        assert!(!log.contains("eyJ") && !log.contains("the-secret-of-holdpoint"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_brings_a_token_of_the_issuer_for_us_and_no_other() {
    let place = Place::start().await;
    let get = async |token: String| {
        reqwest::Client::new()
            .get(format!("{}/v1/whoami", place.a.url))
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
    };
    let known: Value =
        get(place.provider.token_of_a_script("https://holdpoint.example").await).await.json().await.unwrap();
    assert_eq!((&known["subject"], &known["groups"]), (&json!("deploy-bot"), &json!([])));
    let for_another = get(place.provider.token_of_a_script("https://other.example").await).await;
    assert_eq!(for_another.status(), 401);
    eventually("the reason to be logged", async || {
        place.a.running.stderr().contains("claim aud").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_is_believed_by_the_authority_of_the_house_and_not_without_it() {
    let authority = Authority::new();
    let place = Place::start_behind(&authority).await;
    let browser = Browser::start().await;
    browser.opens(&place.a.url).await;
    browser.clicks("#sign-in").await;
    signs_in(&browser, "ana").await;
    browser.clicks("button[type=submit]").await;
    browser.reads("header strong", "ana").await;
    assert_eq!(place.b.whoami(&session(&browser).await).await.0, 200, "who has signed in is known to both");

    let start = format!("{}/login/start", place.b.url);
    let problem: Value = reqwest::get(start).await.unwrap().json().await.unwrap();
    assert_eq!(problem["type"], "https://holdpoint.dev/problems/issuer-unavailable", "{problem}");
}
