//! The way of a browser to the issuer and back, by hand.

use holdpoint::audit::Query;
use holdpoint::domain::audit::{Event, Line};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::issuer::{Issuer, Key, site_of, site_with, whoami};
use crate::admin::site::{Site, problem};
use crate::support::eventually::eventually;

/// Somebody who was sent to the issuer.
struct Sent {
    cookie: String,
    address: reqwest::Url,
}

impl Sent {
    async fn off(site: &Site, return_to: &str) -> Self {
        let response =
            site.request(Method::GET, &format!("/login/start?return_to={return_to}")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("; HttpOnly; SameSite=Lax") && cookie.ends_with("; Max-Age=600"), "{cookie}");
        let address = response.headers()["location"].to_str().unwrap().parse().unwrap();
        Self { cookie: cookie.split(';').next().unwrap().to_owned(), address }
    }

    fn parameter(&self, name: &str) -> String {
        self.address
            .query_pairs()
            .find(|(n, _)| n == name)
            .unwrap_or_else(|| panic!("no {name}"))
            .1
            .into_owned()
    }

    /// The claims of an ID token for whoever was sent.
    fn claims(&self, issuer: &Issuer) -> Value {
        let mut claims = issuer.claims();
        claims["aud"] = json!("holdpoint");
        claims["nonce"] = json!(self.parameter("nonce"));
        claims
    }

    async fn back(&self, site: &Site, query: &str) -> Response {
        let request = site.request(Method::GET, &format!("/login/callback?{query}"));
        request.header("cookie", &self.cookie).send().await.unwrap()
    }

    async fn back_with_code(&self, site: &Site) -> Response {
        self.back(site, &format!("code=c0de&state={}", self.parameter("state"))).await
    }
}

/// Who somebody is who came back.
async fn signed_in(site: &Site, back: Response) -> Value {
    assert_eq!(back.status(), StatusCode::SEE_OTHER);
    let cookie = back.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let request = site.request(Method::GET, "/v1/whoami").header("cookie", cookie);
    request.send().await.unwrap().json().await.unwrap()
}

async fn turned_away(response: Response) {
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.headers().get("set-cookie").is_none());
    assert!(response.text().await.unwrap().contains("You were not signed in"));
}

#[tokio::test]
async fn whoever_comes_back_with_a_good_token_has_a_session() {
    let key = Key::new("one");
    let issuer = Issuer::start(&key).await;
    let site = issuer.site().await;
    let page = site.request(Method::GET, "/?x=1").send().await.unwrap().text().await.unwrap();
    assert!(page.contains(r#"href="/login/start?return_to=%2F%3Fx%3D1""#), "{page}");
    let sent = Sent::off(&site, "%2F%3Fx%3D1").await;
    assert_eq!(
        (sent.parameter("response_type"), sent.parameter("code_challenge_method")),
        ("code".into(), "S256".into())
    );
    assert_eq!(sent.parameter("redirect_uri"), "http://127.0.0.1:8081/login/callback");
    issuer.gives(key.sign(&sent.claims(&issuer)));
    let back = sent.back_with_code(&site).await;
    assert_eq!(
        (back.status(), &back.headers()["location"]),
        (StatusCode::SEE_OTHER, &"/?x=1".parse().unwrap())
    );
    let cookies: Vec<_> = back.headers().get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
    assert!(
        cookies[0].starts_with("holdpoint=") && cookies[1].starts_with("holdpoint-sign-in=;"),
        "{cookies:?}"
    );
    let form = issuer.redeemed().pop().unwrap();
    assert!(form.contains("code=c0de") && form.contains("code_verifier="), "{form}");

    let whoami = signed_in(&site, back).await;
    assert_eq!((&whoami["subject"], &whoami["groups"]), (&json!("ana"), &json!(["dba"])));
    let logins = Query { outcome: Some(Event::Login), limit: 1, ..Query::default() };
    let login = eventually("the login to be in the audit", async || {
        site.audit.seal_all().await;
        site.audit.search(&logins).await.unwrap().lines.first().and_then(Line::fact)
    })
    .await;
    assert_eq!((login.who.as_deref(), &login.detail["proof"]), (Some("ana"), &whoami["proof"]));
}

#[tokio::test]
async fn who_comes_back_otherwise_than_they_were_sent_is_turned_away() {
    let key = Key::new("one");
    let issuer = Issuer::start(&key).await;
    let site = issuer.site().await;
    let (sent, other) = (Sent::off(&site, "%2F").await, Sent::off(&site, "%2F").await);
    issuer.gives(key.sign(&sent.claims(&issuer)));
    let state = sent.parameter("state");
    for query in [
        "code=c0de".to_owned(),
        "code=c0de&state=".to_owned(),
        format!("code=c0de&state={}", other.parameter("state")),
        format!("code=c0de&state={state}&iss=https%3A%2F%2Fevil.example"),
        format!("error=access_denied&state={state}"),
    ] {
        turned_away(sent.back(&site, &query).await).await;
    }
    let without_cookie = site.request(Method::GET, &format!("/login/callback?code=c0de&state={state}"));
    turned_away(without_cookie.send().await.unwrap()).await;
    assert_eq!(issuer.redeemed(), Vec::<String>::new(), "no code is sent on for somebody who was not sent");
    assert_eq!(sent.back_with_code(&site).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_id_token_of_another_sign_in_or_for_another_client_is_refused() {
    let key = Key::new("one");
    let issuer = Issuer::start(&key).await;
    let site = issuer.site().await;
    let (sent, other) = (Sent::off(&site, "%2F").await, Sent::off(&site, "%2F").await);
    for (claim, value) in [
        ("nonce", json!(other.parameter("nonce"))),
        ("nonce", Value::Null),
        ("aud", json!("https://holdpoint.example")),
        ("aud", json!(["holdpoint", "another"])),
        ("azp", json!("another")),
        ("exp", json!(1)),
    ] {
        let mut claims = sent.claims(&issuer);
        claims[claim] = value;
        issuer.gives(key.sign(&claims));
        turned_away(sent.back_with_code(&site).await).await;
    }
    issuer.gives(Key::new("one").sign(&sent.claims(&issuer)));
    turned_away(sent.back_with_code(&site).await).await;
    issuer.gives(key.sign(&sent.claims(&issuer)));
    assert_eq!(sent.back_with_code(&site).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_said_so_and_tokens_still_work() {
    let key = Key::new("one");
    let issuer = Issuer::start(&key).await;
    let token = key.sign(&issuer.claims());
    let site = site_of("http://127.0.0.1:1").await;
    let page = site.request(Method::GET, "/").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("does not answer now") && page.contains(r#"name="token""#), "{page}");
    let start = site.request(Method::GET, "/login/start").send().await.unwrap();
    problem(start, 503, "issuer-unavailable").await;
    problem(whoami(&site, &token).await, 503, "issuer-unavailable").await;
    problem(whoami(&site, "no-jwt").await, 401, "unauthenticated").await;
}

#[tokio::test]
async fn groups_that_the_id_token_lacks_are_those_of_the_userinfo() {
    let key = Key::new("one");
    let issuer = Issuer::start(&key).await;
    let site = issuer.site().await;
    let sent = Sent::off(&site, "%2F").await;
    issuer.tells(json!({"sub": "ana", "groups": ["sre"]}));
    issuer.gives(key.sign(&sent.claims(&issuer)));
    assert_eq!(signed_in(&site, sent.back_with_code(&site).await).await["groups"], json!(["dba"]));

    let mut without = sent.claims(&issuer);
    without.as_object_mut().unwrap().remove("groups");
    issuer.gives(key.sign(&without));
    assert_eq!(signed_in(&site, sent.back_with_code(&site).await).await["groups"], json!(["sre"]));
    issuer.tells(json!({"sub": "ana"}));
    assert_eq!(signed_in(&site, sent.back_with_code(&site).await).await["groups"], json!([]));
    // A script's token speaks for itself: there is no access token to ask with.
    issuer.tells(json!({"sub": "ana", "groups": ["sre"]}));
    without["aud"] = json!("https://holdpoint.example");
    let by_token: Value = whoami(&site, &key.sign(&without)).await.json().await.unwrap();
    assert_eq!(by_token["groups"], json!([]));
}

#[tokio::test]
async fn a_userinfo_of_somebody_else_or_of_nobody_lets_nobody_in() {
    let key = Key::new("one");
    let issuer = Issuer::start(&key).await;
    let site = issuer.site().await;
    let sent = Sent::off(&site, "%2F").await;
    let mut without = sent.claims(&issuer);
    without.as_object_mut().unwrap().remove("groups");
    issuer.gives(key.sign(&without));
    for told in [json!({"sub": "bob", "groups": ["dba"]}), json!({"groups": ["dba"]})] {
        issuer.tells(told);
        turned_away(sent.back_with_code(&site).await).await;
    }
    issuer.tells(json!(["dba"]));
    problem(sent.back_with_code(&site).await, 503, "issuer-unavailable").await;
}

#[tokio::test]
async fn claims_are_found_by_name_and_by_path() {
    let key = Key::new("one");
    let issuer = Issuer::start(&key).await;
    let settings = "subject_claim: /identity/mail\ngroups_claim: /realm_access/roles\n";
    let site = site_with(&issuer.url, settings).await;
    let mut claims = issuer.claims();
    claims["identity"] = json!({"mail": "ana@example.com"});
    claims["realm_access"] = json!({"roles": ["sre"]});
    let known: Value = whoami(&site, &key.sign(&claims)).await.json().await.unwrap();
    assert_eq!((&known["subject"], &known["groups"]), (&json!("ana@example.com"), &json!(["sre"])));
    claims["identity"] = json!("ana@example.com");
    problem(whoami(&site, &key.sign(&claims)).await, 401, "unauthenticated").await;
}

#[tokio::test]
async fn an_address_of_mail_counts_only_if_it_is_verified() {
    let key = Key::new("one");
    let issuer = Issuer::start(&key).await;
    let site = site_with(&issuer.url, "subject_claim: email\n").await;
    let mut claims = issuer.claims();
    claims["email"] = json!("ana@example.com");
    for verified in [Value::Null, json!(false), json!("true")] {
        claims["email_verified"] = verified;
        problem(whoami(&site, &key.sign(&claims)).await, 401, "unauthenticated").await;
    }
    claims["email_verified"] = json!(true);
    let known: Value = whoami(&site, &key.sign(&claims)).await.json().await.unwrap();
    assert_eq!(known["subject"], "ana@example.com");
}
