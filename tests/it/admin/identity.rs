//! Who is let in, and as whom.

use holdpoint::admin::{Settings, TokenDigest};
use holdpoint::domain::sample;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::site::{ALICE, BOB, Site, problem, settings, tokens};

#[tokio::test]
async fn nobody_gets_in_without_a_proof() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let card = format!("/cards/{}", parked.id);
    let decide = format!("/decide/{}", parked.id);
    for (method, path) in [
        (Method::GET, "/pending"),
        (Method::GET, "/v1/approvals"),
        (Method::GET, "/v1/approvals/x"),
        (Method::GET, "/v1/approvals:watch"),
        (Method::GET, "/events"),
        (Method::GET, &card),
        (Method::POST, &decide),
        (Method::POST, &parked.decisions()),
    ] {
        for proof in [
            None,
            Some(("authorization", "Bearer wrong")),
            Some(("authorization", ALICE)),
            Some(("authorization", "Basic YWxpY2U6")),
            Some(("x-forwarded-user", "alice")),
        ] {
            let mut request = site.request(method.clone(), path).body(r#"{"approved":true}"#);
            if let Some((name, value)) = proof {
                request = request.header(name, value);
            }
            let response = request.send().await.unwrap();
            assert!(response.headers().contains_key("www-authenticate"), "{path}");
            problem(response, 401, "unauthenticated").await;
        }
    }
    let response = site.request(Method::GET, "/").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let page = response.text().await.unwrap();
    assert!(page.contains("Sign in") && !page.contains("run_migration"), "{page}");
}

#[tokio::test]
async fn a_link_with_a_token_opens_a_session_and_leaves_the_token_behind() {
    let site = Site::open().await;
    let response = site.link(ALICE).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()["location"], "/");
    assert_eq!(response.headers()["referrer-policy"], "no-referrer");
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("alice"), "{cookie}");

    let page = site.request(Method::GET, "/").header("cookie", site.session(ALICE).await);
    let page = page.send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.text().await.unwrap().contains("You decide as <strong><bdi>alice</bdi>"));
}

#[tokio::test]
async fn the_cookie_is_kept_to_https_where_the_public_url_is() {
    let site =
        Site::open_with(Settings { authentication: tokens(), secure_cookie: true, ..settings() }).await;
    let response = site.link(ALICE).await;
    assert!(response.headers()["set-cookie"].to_str().unwrap().contains("; Secure"));
}

#[tokio::test]
async fn a_form_opens_a_session_and_logging_out_ends_it() {
    let site = Site::open().await;
    let login = async |token: &str| site.form("/login", token).send().await.unwrap();
    let refused = login("wrong").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.headers().get("set-cookie").is_none());
    assert!(refused.text().await.unwrap().contains("not known here"));
    let opened = login(&format!("+{BOB}%0A")).await;
    assert_eq!(opened.status(), StatusCode::SEE_OTHER);
    let left = site.request(Method::POST, "/logout").send().await.unwrap();
    assert!(left.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
}

#[tokio::test]
async fn a_session_is_whose_token_opened_it_and_cannot_be_made_up() {
    let site = Site::open().await;
    let (alice, bob) = (site.session(ALICE).await, site.session(BOB).await);
    assert_ne!(alice, bob);
    let get = async |cookie: &str| {
        site.request(Method::GET, "/pending").header("cookie", cookie).send().await.unwrap().status()
    };
    assert_eq!(get(&format!("theme=dark; {alice}")).await, StatusCode::OK);
    assert_eq!(get(&format!("holdpoint_session=of-another-path; {alice}")).await, StatusCode::OK);
    for cookie in [
        "holdpoint_session=",
        "holdpoint_session=alice",
        &format!("holdpoint_session={ALICE}"),
        &alice[..alice.len() - 1],
        &format!("other_{alice}"),
        &format!("holdpoint_session={}", hex::encode(TokenDigest::of(ALICE).0)),
    ] {
        assert_eq!(get(cookie).await, StatusCode::UNAUTHORIZED, "{cookie}");
    }
    let both = site.request(Method::GET, "/pending").header("cookie", alice).bearer_auth("wrong");
    assert_eq!(both.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "a wrong token stays wrong");
}

#[tokio::test]
async fn a_vote_is_of_whoever_proved_it_whatever_headers_say() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let request = site.request(Method::POST, &parked.decisions()).bearer_auth(BOB);
    let response = request
        .header("x-forwarded-user", "alice")
        .body(parked.decision("reject", "no"))
        .send()
        .await
        .unwrap();
    let shown: Value = response.json().await.unwrap();
    assert_eq!(shown["votes"][0]["reviewer"], "bob");
}

#[tokio::test]
async fn where_authentication_is_off_everyone_is_anonymous_and_the_page_warns() {
    let site = Site::open_with(settings()).await;
    let parked = site.park(sample::held()).await;
    let page = site.request(Method::GET, "/").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("--insecure-no-auth"), "{page}");
    let request = site.request(Method::POST, &parked.decisions()).body(parked.decision("reject", "no"));
    let shown: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(shown["votes"][0]["reviewer"], "anonymous");
}
