//! What those who cannot even sign in write into the audit: little, and no secret of theirs.

use holdpoint::ext_authz::proto::authorization_client::AuthorizationClient;
use holdpoint::ext_authz::proto::{AttributeContext, CheckRequest, attribute_context};
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};

use crate::support::eventually::eventually;
use crate::support::processes::{Holdpoint, RedisServer};
use crate::telemetry::metrics::reading;

const CONFIG: &str = r#"
limits: { per_queue: 1 }
policy:
  defaults: { redact: [ { pattern: "sk-[a-z0-9]+" } ] }
  rules:
  - { name: never, match: 'mcp.tool.name == "never"', ruling: deny, reason: no }
  - { name: ask, match: 'mcp.tool.name == "ask"', ruling: hold, hold: 60s }
"#;

async fn gate(holdpoint: &Holdpoint) -> AuthorizationClient<Channel> {
    let gate = Endpoint::from_shared(format!("http://{}", holdpoint.gate())).unwrap();
    AuthorizationClient::new(gate.connect().await.unwrap())
}

fn asked(path: &str, body: &str) -> CheckRequest {
    let http = attribute_context::HttpRequest {
        method: "POST".into(),
        path: path.into(),
        headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
        size: body.len() as i64,
        body: body.into(),
        ..Default::default()
    };
    let request = Some(attribute_context::Request { http: Some(http), ..Default::default() });
    CheckRequest { attributes: Some(Box::new(AttributeContext { request, ..Default::default() })) }
}

fn call(tool: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{tool}","arguments":{{}}}}}}"#
    )
}

async fn found(holdpoint: &Holdpoint, event: &str, n: usize) -> Vec<Value> {
    let path = format!("/v1/audit?outcome={event}&page_size=200");
    eventually(&format!("{n} entries {event}"), async || {
        let found: Value = holdpoint.reviewer().get(&path).await.json().await.ok()?;
        let entries: Vec<_> = found["entries"].as_array()?.iter().map(|line| line["entry"].clone()).collect();
        (entries.len() == n).then_some(entries)
    })
    .await
}

#[tokio::test]
async fn every_request_that_is_refused_unasked_is_noted_with_its_code_and_without_its_secrets() {
    let redis = RedisServer::start().await;
    let holdpoint = Holdpoint::start(CONFIG, Some(&redis)).await;
    let mut gate = gate(&holdpoint).await;
    let waits = tokio::spawn({
        let mut gate = gate.clone();
        async move { gate.check(asked("/mcp", &call("ask"))).await }
    });
    holdpoint.reviewer().sees_one().await;
    let path = "/sk-abc/mcp?key=hidden";
    for request in [
        CheckRequest::default(),
        asked(path, "{"),
        asked(path, "[]"),
        asked("/sk-abc/../mcp?key=hidden", &call("ask")),
        asked(path, &call("never")),
        asked(path, &call("ask")),
        asked("/sk-abc/messages?session_id=hidden", &call("ask")),
    ] {
        gate.check(request).await.expect("an answer");
    }
    let entries = found(&holdpoint, "denied", 7).await;
    let mut told: Vec<_> = entries
        .iter()
        .map(|entry| {
            (entry["detail"]["code"].as_str().unwrap(), entry["detail"]["path"].as_str().unwrap_or(""))
        })
        .collect();
    told.sort_unstable();
    let expected = [
        ("batch", "/[redacted]/mcp"),
        ("policy", "/[redacted]/mcp"),
        ("queue_full", "/[redacted]/mcp"),
        ("unreadable", ""),
        ("unreadable", "/[redacted]/../mcp"),
        ("unreadable", "/[redacted]/mcp"),
        ("unreadable", "/[redacted]/messages"),
    ];
    assert_eq!(told, expected);
    for key in ["holdpoint:{(system)}:audit", "holdpoint:{(system)}:lines"] {
        let stored: redis::Value =
            redis::cmd("XRANGE").arg(&[key, "-", "+"]).query(&mut redis.connection()).unwrap();
        let stored = format!("{stored:?}");
        assert!(stored.contains("[redacted]"), "{key}: {stored}");
        assert!(!stored.contains("sk-abc") && !stored.contains("hidden"), "{key}: {stored}");
    }
    assert!(
        !holdpoint.log().contains("sk-abc") && !holdpoint.log().contains("hidden"),
        "{}",
        holdpoint.log()
    );
    waits.abort();
}

#[tokio::test]
async fn a_flood_of_refused_requests_is_counted_and_most_of_it_left_out() {
    let redis = RedisServer::start().await;
    let mut flooded = Holdpoint::start(CONFIG, Some(&redis)).await;
    let mut gate = gate(&flooded).await;
    for _ in 0..200 {
        gate.check(asked("/mcp", &call("never"))).await.expect("an answer");
    }
    let left_out = r#"holdpoint_audit_left_out_total{event="denied"}"#;
    let counted =
        eventually("what is left out to be counted", async || reading(&flooded, left_out).await).await;
    let after = Holdpoint::start(CONFIG, Some(&redis)).await;
    // What is left of its minute is told when it leaves.
    assert!(flooded.leave().await.success());
    let summary = &found(&after, "left-out", 1).await[0];
    assert_eq!(summary["detail"]["denied"].as_f64(), Some(counted));
    found(&after, "denied", 200 - counted as usize).await;
    assert!(counted >= 80.0, "{counted}");
}
