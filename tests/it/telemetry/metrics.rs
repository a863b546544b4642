//! `/metrics`, and what documents say of it.

use std::collections::BTreeSet;

use holdpoint::ext_authz::proto::authorization_client::AuthorizationClient;
use holdpoint::ext_authz::proto::check_response::HttpResponse;
use holdpoint::ext_authz::proto::{AttributeContext, CheckRequest, CheckResponse, attribute_context};
use holdpoint::telemetry::metrics::{Kind, LIST};
use tonic::transport::Endpoint;

use crate::support::eventually::eventually;
use crate::support::processes::{Holdpoint, RedisServer};

/// Asks a replica about a message, as a gateway does.
pub async fn asks(holdpoint: &Holdpoint, body: &str) -> CheckResponse {
    asks_within(holdpoint, body, None).await
}

/// The same with the `traceparent` of the client.
pub async fn asks_within(holdpoint: &Holdpoint, body: &str, traceparent: Option<&str>) -> CheckResponse {
    let within = traceparent.map(|span| ("traceparent".to_owned(), span.to_owned()));
    let json = ("content-type".to_owned(), "application/json".to_owned());
    let http = attribute_context::HttpRequest {
        method: "POST".into(),
        path: "/mcp".into(),
        headers: [json].into_iter().chain(within).collect(),
        size: body.len() as i64,
        body: body.into(),
        ..Default::default()
    };
    let request = Some(attribute_context::Request { http: Some(http), ..Default::default() });
    let attributes = AttributeContext { request, ..Default::default() };
    let check = CheckRequest { attributes: Some(Box::new(attributes)) };
    let gate = format!("http://127.0.0.1:{}", holdpoint.check_port());
    let gate = Endpoint::from_shared(gate).expect("a URL").connect().await.expect("it listens");
    AuthorizationClient::new(gate).check(check).await.expect("an answer").into_inner()
}

/// A `tools/list`, which has to pass.
pub async fn lists_tools(holdpoint: &Holdpoint) {
    lists_tools_within(holdpoint, None).await;
}

/// The same with the `traceparent` of the client.
pub async fn lists_tools_within(holdpoint: &Holdpoint, traceparent: Option<&str>) {
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let answer = asks_within(holdpoint, list, traceparent).await;
    assert!(matches!(answer.http_response, Some(HttpResponse::OkResponse(_))), "{answer:?}");
}

pub async fn page(holdpoint: &Holdpoint) -> String {
    // Without a token.
    let page = reqwest::get(format!("{}/metrics", holdpoint.admin())).await.expect("an answer");
    assert_eq!(page.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    page.error_for_status().expect("metrics").text().await.expect("text")
}

/// The value of one line of `/metrics`.
pub async fn reading(holdpoint: &Holdpoint, series: &str) -> Option<f64> {
    let page = page(holdpoint).await;
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

/// The names that Prometheus sees for what is in the list.
pub fn exposed() -> BTreeSet<String> {
    let names = |metric: &holdpoint::telemetry::metrics::Metric| match metric.kind {
        Kind::Quick | Kind::Patient => {
            ["_bucket", "_sum", "_count"].map(|end| format!("{}{end}", metric.name)).to_vec()
        }
        Kind::Count | Kind::Level | Kind::Reading => vec![metric.name.to_owned()],
    };
    LIST.iter().flat_map(names).collect()
}

#[tokio::test]
async fn a_story_is_counted_from_the_park_to_the_release() {
    let redis = RedisServer::start().await;
    let holdpoint = Holdpoint::start("", Some(&redis)).await;
    let reviewer = holdpoint.reviewer();
    let call = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"drop","arguments":{}}}"#;
    let (_, ()) = tokio::join!(asks(&holdpoint, call), async {
        let id = reviewer.sees_one().await;
        let sees = async |series: &str, value: f64| {
            let what = format!("{series} to be {value}");
            eventually(&what, async || (reading(&holdpoint, series).await == Some(value)).then_some(()))
                .await;
        };
        sees("holdpoint_parked", 1.0).await;
        sees("holdpoint_subscriptions", 1.0).await;
        sees(r#"holdpoint_queue_length{queue="default"}"#, 1.0).await;
        reviewer.approves(&id).await;
        sees("holdpoint_parked", 0.0).await;
        sees(r#"holdpoint_queue_length{queue="default"}"#, 0.0).await;
    });
    lists_tools(&holdpoint).await;
    asks(&holdpoint, "[]").await;

    for (series, value) in [
        (r#"holdpoint_holds_total{outcome="released"}"#, 1.0),
        (r#"holdpoint_wait_seconds_count{outcome="released"}"#, 1.0),
        (r#"holdpoint_decisions_total{verdict="approve"}"#, 1.0),
        ("holdpoint_release_seconds_count", 1.0),
        ("holdpoint_check_seconds_count", 2.0),
        (r#"holdpoint_refusals_total{reason_code="batch"}"#, 1.0),
        (r#"holdpoint_store_seconds_count{transition="vote"}"#, 1.0),
    ] {
        assert_eq!(reading(&holdpoint, series).await, Some(value), "{series}");
    }
    let renewed = reading(&holdpoint, "holdpoint_lease_renewed_timestamp_seconds").await.unwrap();
    assert!(renewed > 1_700_000_000.0, "{renewed}");
    eventually("the canary", async || reading(&holdpoint, "holdpoint_canary_well_timestamp_seconds").await)
        .await;
    let names = exposed();
    for line in page(&holdpoint).await.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(names.contains(name), "{line}");
    }
}

#[tokio::test]
async fn a_store_that_fails_and_a_caller_that_leaves_are_counted() {
    let mut redis = RedisServer::start().await;
    let holdpoint = Holdpoint::start("ext_authz: { patience: 1s }", Some(&redis)).await;
    let call = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"drop","arguments":{}}}"#;
    {
        let asking = asks(&holdpoint, call);
        let parked = async { holdpoint.reviewer().sees_one().await };
        tokio::select! { _ = asking => panic!("it waits"), _ = parked => {} }
    }
    let counted = async |series: &str| {
        eventually(series, async || reading(&holdpoint, series).await.filter(|n| *n > 0.0)).await;
    };
    counted(r#"holdpoint_holds_total{outcome="caller_gone"}"#).await;
    redis.stop();
    asks(&holdpoint, call).await;
    counted(r#"holdpoint_holds_total{outcome="store_unavailable"}"#).await;
    counted(r#"holdpoint_refusals_total{reason_code="store_unavailable"}"#).await;
    counted(r#"holdpoint_store_errors_total{transition="park"}"#).await;
}

#[tokio::test]
async fn a_decision_whose_message_is_lost_is_found_by_looking_and_counted() {
    let redis = RedisServer::start().await;
    let deaf = ["SETUSER", "deaf", "on", ">secret", "~*", "+@all", "resetchannels"];
    let _: String = redis::cmd("ACL").arg(&deaf).query(&mut redis.connection()).unwrap();
    let holdpoint = Holdpoint::with("", redis.url().replace("//", "//deaf:secret@")).await;
    let call = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"drop","arguments":{}}}"#;
    let (answer, ()) = tokio::join!(asks(&holdpoint, call), async {
        let id = holdpoint.reviewer().sees_one().await;
        holdpoint.reviewer().approves(&id).await;
    });
    assert!(matches!(answer.http_response, Some(HttpResponse::OkResponse(_))), "{answer:?}");
    let missed = reading(&holdpoint, "holdpoint_doorbells_missed_total").await;
    assert!(missed.is_some_and(|missed| missed >= 1.0), "{missed:?}");
}

#[tokio::test]
async fn a_replica_that_cannot_park_its_own_probe_counts_it() {
    let redis = RedisServer::start().await;
    let full = ["SET", "maxmemory", "1"];
    let _: String = redis::cmd("CONFIG").arg(&full).query(&mut redis.connection()).unwrap();
    let holdpoint = Holdpoint::start("", Some(&redis)).await;
    eventually("the canary's failure", async || {
        reading(&holdpoint, "holdpoint_canary_failures_total").await.filter(|n| *n > 0.0)
    })
    .await;
    assert_eq!(reading(&holdpoint, "holdpoint_canary_well_timestamp_seconds").await, None);
}
