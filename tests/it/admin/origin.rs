//! Pages of other sites, and foreign names for this host.

use holdpoint::admin::{AllowedHosts, Settings};
use holdpoint::domain::sample;
use reqwest::{Method, StatusCode};

use super::site::{ALICE, Site, problem, settings};

#[tokio::test]
async fn a_page_of_another_site_cannot_decide_with_a_session() {
    let site = Site::open().await;
    let cookie = site.session(ALICE).await;
    let own = site.url.clone();
    let port = own.rsplit_once(':').unwrap().1;
    let sibling = format!("http://localhost:{port}");
    let decide = async |headers: &[(&str, &str)]| {
        let parked = site.park(sample::held()).await;
        let mut request = site.request(Method::POST, &format!("/decide/{}", parked.id));
        request = request.header("cookie", &cookie).body(r#"{"approved":false}"#);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    };
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("origin", own.as_str())],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", sibling.as_str())],
        &[],
    ] {
        problem(decide(headers).await, 403, "forbidden-origin").await;
    }
    for headers in
        [&[("sec-fetch-site", "same-origin")][..], &[("sec-fetch-site", "none")], &[("origin", own.as_str())]]
    {
        assert_eq!(decide(headers).await.status(), StatusCode::NO_CONTENT, "{headers:?}");
    }
}

#[tokio::test]
async fn without_authentication_a_page_of_another_site_cannot_decide_either() {
    let site = Site::open_with(settings()).await;
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let parked = site.park(sample::held()).await;
        let request = site.request(Method::POST, &format!("/decide/{}", parked.id)).bearer_auth("anything");
        let response = request.header(name, value).body(r#"{"approved":true}"#).send().await.unwrap();
        problem(response, 403, "forbidden-origin").await;
    }
    let parked = site.park(sample::held()).await;
    let request = site.request(Method::POST, &format!("/decide/{}", parked.id));
    let response = request.body(r#"{"approved":true}"#).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT, "curl");
}

#[tokio::test]
async fn a_page_of_another_site_can_neither_log_in_nor_out() {
    let site = Site::open().await;
    for path in ["/login", "/logout"] {
        let response = site.form(path, ALICE).header("sec-fetch-site", "cross-site").send().await.unwrap();
        problem(response, 403, "forbidden-origin").await;
    }
}

#[tokio::test]
async fn on_loopback_a_foreign_host_name_is_refused() {
    let allowed_hosts = AllowedHosts::when_serving_on([127, 0, 0, 1].into(), Some("queue.example".into()));
    let site = Site::open_with(Settings { allowed_hosts, ..settings() }).await;
    let get =
        async |host: &str| site.request(Method::GET, "/pending").header("host", host).send().await.unwrap();
    for host in [
        "evil.example",
        "evil.example:8081",
        "localhost.evil.example",
        "10.0.0.1",
        "127.0.0.1.evil.example",
        "",
    ] {
        problem(get(host).await, 403, "forbidden-origin").await;
    }
    for host in [
        "localhost:8081",
        "LOCALHOST",
        "127.0.0.1",
        "127.0.0.2:1",
        "[::1]:8081",
        "queue.example",
        "Queue.example:443",
    ] {
        assert_eq!(get(host).await.status(), StatusCode::OK, "{host}");
    }
}

#[tokio::test]
async fn on_another_address_any_host_name_will_do() {
    let allowed_hosts = AllowedHosts::when_serving_on([10, 0, 0, 1].into(), None);
    let site = Site::open_with(Settings { allowed_hosts, ..settings() }).await;
    let response =
        site.request(Method::GET, "/pending").header("host", "holdpoint.ops.svc").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}
