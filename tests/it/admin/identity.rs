//! Who is let in, and as whom.

use std::time::Duration;

use holdpoint::admin::{Settings, TokenDigest};
use holdpoint::domain::sample;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::site::{ALICE, BOB, DORA, Site, problem, settings, tokens};

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
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
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
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-holdpoint=") && cookie.contains("; Secure"), "{cookie}");
    let (_, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
    let plain = site.request(Method::GET, "/pending").header("cookie", format!("holdpoint={value}"));
    assert_eq!(plain.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "another host could set it");
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
    let session = opened.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let get = async || {
        let request = site.request(Method::GET, "/pending").header("cookie", &session);
        request.send().await.unwrap().status()
    };
    assert_eq!(get().await, StatusCode::OK);
    let left = site.request(Method::POST, "/logout").header("cookie", &session).header("origin", &site.url);
    let left = left.send().await.unwrap();
    assert_eq!(left.status(), StatusCode::SEE_OTHER);
    assert!(left.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(get().await, StatusCode::UNAUTHORIZED, "a copy of the cookie is worth nothing either");
}

#[tokio::test]
async fn a_login_always_opens_a_new_session() {
    let site = Site::open().await;
    let planted = "holdpoint=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let opened = site.form("/login", ALICE).header("cookie", planted).header("origin", &site.url);
    let opened = opened.send().await.unwrap();
    let session = opened.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    assert_ne!(session, planted);
    assert_ne!(session, site.session(ALICE).await);
    let request = site.request(Method::GET, "/pending").header("cookie", planted);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_after_its_time() {
    let site = Site::open().await;
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let get = async |session: &str| {
        let request = site.request(Method::GET, "/pending").header("cookie", session);
        request.send().await.unwrap().status()
    };
    let idle = site.session(ALICE).await;
    site.identities.clock.advance(minutes(59));
    assert_eq!(get(&idle).await, StatusCode::OK);
    site.identities.clock.advance(minutes(60));
    assert_eq!(get(&idle).await, StatusCode::UNAUTHORIZED);

    let busy = site.session(ALICE).await;
    // It was opened at 119 minutes by this clock, and by the machine's clock at 0: it ends at 720.
    for _ in 0..10 {
        site.identities.clock.advance(minutes(55));
        assert_eq!(get(&busy).await, StatusCode::OK);
    }
    site.identities.clock.advance(minutes(55));
    assert_eq!(get(&busy).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn where_sessions_cannot_be_looked_up_nobody_is_told_to_log_in_again() {
    let site = Site::open().await;
    let session = site.session(ALICE).await;
    site.identities.switch(false);
    for path in ["/", "/pending"] {
        let response = site.request(Method::GET, path).header("cookie", &session).send().await.unwrap();
        problem(response, 503, "store-unavailable").await;
    }
    let form = site.form("/login", ALICE).send().await.unwrap();
    problem(form, 503, "store-unavailable").await;
    let unknown = site.request(Method::GET, "/pending").bearer_auth("of-nobody").send().await.unwrap();
    problem(unknown, 503, "store-unavailable").await;
    assert_eq!(site.get("/pending").await.status(), StatusCode::OK, "a configured token needs no store");
    site.identities.switch(true);
    let response = site.request(Method::GET, "/").header("cookie", &session).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn whoever_has_to_sign_in_goes_on_to_where_they_wanted() {
    let site = Site::open().await;
    let page = site.request(Method::GET, "/?x=1").send().await.unwrap().text().await.unwrap();
    assert!(page.contains(r#"name="return_to" value="/?x=1""#), "{page}");
    for (wanted, place) in
        [("%2F%3Fx%3D1", "/?x=1"), ("%2F%2Fevil.example", "/"), ("https%3A%2F%2Fevil.example", "/")]
    {
        let form = site.form("/login", &format!("{ALICE}&return_to={wanted}")).send().await.unwrap();
        assert_eq!(form.headers()["location"], place);
    }
}

#[tokio::test]
async fn everybody_can_ask_who_they_are() {
    let site = Site::open().await;
    let whoami = site.request(Method::GET, "/v1/whoami").bearer_auth(DORA).send().await.unwrap();
    let whoami: Value = whoami.json().await.unwrap();
    let dora = json!({"subject": "dora", "groups": ["dba"], "roles": ["reviewer"], "proof": "token dora"});
    assert_eq!(whoami, dora);
    let all = json!({"subject": "alice", "groups": null, "roles": ["reviewer", "operator", "auditor"], "proof": "token alice"});
    assert_eq!(site.json("/v1/whoami").await, all);
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
    assert_eq!(get(&format!("holdpoint=of-another-path; {alice}")).await, StatusCode::OK);
    for cookie in [
        "holdpoint=",
        "holdpoint=alice",
        &format!("holdpoint={ALICE}"),
        &alice[..alice.len() - 1],
        &format!("other_{alice}"),
        &format!("holdpoint={}", TokenDigest::of(ALICE)),
        &format!("holdpoint={}", TokenDigest::of(alice.split_once('=').unwrap().1)),
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
