//! A proxy that says who somebody is.

use holdpoint::admin::{Authentication, Proofs, Settings};
use holdpoint::config::{ProxyConfig, RolesConfig};
use holdpoint::domain::sample;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::site::{Site, problem, settings};

/// A site that believes a proxy which connects from these addresses.
async fn behind(addresses: &str) -> Site {
    let text = format!("addresses: [{addresses}]\nsubject_header: x-user\ngroups_header: x-groups\n");
    let proxy: ProxyConfig = serde_saphyr::from_str(&text).unwrap();
    let roles = RolesConfig { operator: vec!["ops".into()], ..RolesConfig::default() };
    let proofs = Box::new(Proofs { proxy: Some(proxy), roles, ..Proofs::default() });
    Site::open_with(Settings { authentication: Authentication::Required(proofs), ..settings() }).await
}

async fn whoami(site: &Site, headers: &[(&str, &str)]) -> Response {
    let mut request = site.request(Method::GET, "/v1/whoami");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_person_is_whom_the_trusted_proxy_names() {
    let site = behind("127.0.0.0/8").await;
    let known: Value =
        whoami(&site, &[("x-user", "ana"), ("x-groups", "dba, ops")]).await.json().await.unwrap();
    let ana = json!({"subject": "ana", "groups": ["dba", "ops"], "roles": ["reviewer", "operator"], "proof": "proxy 127.0.0.1"});
    assert_eq!(known, ana);
    let groupless: Value = whoami(&site, &[("x-user", "ana")]).await.json().await.unwrap();
    assert_eq!((&groupless["groups"], &groupless["roles"]), (&json!([]), &json!(["reviewer"])));
}

#[tokio::test]
async fn from_anywhere_else_the_headers_mean_nothing() {
    let site = behind("10.0.0.0/8, 127.0.0.2").await;
    let spoofed = [("x-user", "ana"), ("x-groups", "ops"), ("x-forwarded-for", "10.0.0.1")];
    problem(whoami(&site, &spoofed).await, 401, "unauthenticated").await;
}

#[tokio::test]
async fn headers_that_are_not_one_name_are_refused() {
    let site = behind("127.0.0.1").await;
    for headers in [
        &[("x-user", "ana"), ("x-user", "bob")][..],
        &[("x-user", "")],
        &[("x-user", "ana"), ("x-groups", "dba"), ("x-groups", "ops")],
        &[("x-forwarded-user", "ana")],
        &[],
    ] {
        problem(whoami(&site, headers).await, 401, "unauthenticated").await;
    }
}

#[tokio::test]
async fn a_page_of_another_site_cannot_use_what_the_proxy_adds() {
    let site = behind("127.0.0.1").await;
    let parked = site.park(sample::held()).await;
    for authorization in [None, Some("Bearer added-by-the-proxy")] {
        let mut request =
            site.request(Method::POST, &format!("/decide/{}", parked.id)).header("x-user", "ana");
        request = request.header("origin", "https://evil.example").body(r#"{"approved":true}"#);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        problem(request.send().await.unwrap(), 403, "forbidden-origin").await;
    }
}
