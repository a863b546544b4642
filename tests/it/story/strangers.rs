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
    let (path, long) = ("/sk-abc/mcp?key=hidden", format!("/{}", "x".repeat(10_000)));
    for request in [
        CheckRequest::default(),
        asked(path, "{"),
        asked(path, "[]"),
        asked("/sk-abc/../mcp?key=hidden", &call("ask")),
        asked(path, &call("never")),
        asked(path, &call("never").replace("tools/call", "sk-abc")),
        asked(path, &call("ask")),
        asked("/sk-abc/messages?session_id=hidden", &call("ask")),
        asked(&long, "{"),
    ] {
        gate.check(request).await.expect("an answer");
    }
    let entries = found(&holdpoint, "denied", 9).await;
    let mut told: Vec<_> = entries
        .iter()
        .map(|entry| {
            (entry["detail"]["code"].as_str().unwrap(), entry["detail"]["path"].as_str().unwrap_or(""))
        })
        .collect();
    told.sort_unstable();
    let cut = format!("{}…", &long[..256]);
    let expected = [
        ("batch", "/[redacted]/mcp"),
        ("policy", "/[redacted]/mcp"),
        ("policy", "/[redacted]/mcp"),
        ("queue_full", "/[redacted]/mcp"),
        ("unreadable", ""),
        ("unreadable", "/[redacted]/../mcp"),
        ("unreadable", "/[redacted]/mcp"),
        ("unreadable", "/[redacted]/messages"),
        ("unreadable", &cut),
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
async fn what_is_redacted_of_a_held_call_is_neither_in_redis_nor_on_the_page_nor_in_the_log() {
    let redis = RedisServer::start().await;
    let holdpoint = Holdpoint::start(CONFIG, Some(&redis)).await;
    let mut gate = gate(&holdpoint).await;
    let mut request = asked("/sk-abc/mcp", &call("ask").replace("{}", r#"{"key":"sk-abc"}"#));
    let http = request.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap();
    http.headers.insert("user-agent".into(), "sk-abc".into());
    let waits = tokio::spawn(async move { gate.check(request).await });
    let reviewer = holdpoint.reviewer();
    let id = reviewer.sees_one().await;
    let mut told = Vec::new();
    for path in ["/".to_owned(), format!("/a/{id}"), format!("/v1/approvals/{id}")] {
        told.push((reviewer.get(&path).await.text().await.unwrap(), path));
    }
    reviewer.approves(&id).await;
    waits.await.unwrap().expect("an answer");
    found(&holdpoint, "released", 1).await;
    told.push((everything_in(&redis), "Redis".into()));
    for (text, place) in &told {
        assert!(text.contains("[redacted]") && !text.contains("sk-abc"), "{place}: {text}");
    }
    assert!(!holdpoint.log().contains("sk-abc"), "{}", holdpoint.log());
}

/// What its keys hold.
fn everything_in(redis: &RedisServer) -> String {
    let mut redis = redis.connection();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut redis).unwrap();
    let mut content = |key: &String| {
        let kind: String = redis::cmd("TYPE").arg(key).query(&mut redis).unwrap();
        let read: &[&str] = match kind.as_str() {
            "string" => &["GET", key],
            "hash" => &["HGETALL", key],
            "list" => &["LRANGE", key, "0", "-1"],
            "set" => &["SMEMBERS", key],
            "zset" => &["ZRANGE", key, "0", "-1"],
            "stream" => &["XRANGE", key, "-", "+"],
            _ => panic!("{key} is a {kind}"),
        };
        let content: redis::Value = redis::cmd(read[0]).arg(&read[1..]).query(&mut redis).unwrap();
        format!("{key}: {content:?}\n")
    };
    keys.iter().map(&mut content).collect()
}

#[tokio::test]
async fn a_flood_of_refused_requests_is_counted_and_most_of_it_left_out() {
    let redis = RedisServer::start().await;
    let mut flooded = Holdpoint::start(CONFIG, Some(&redis)).await;
    let mut gate = gate(&flooded).await;
    let waits = tokio::spawn({
        let mut gate = gate.clone();
        async move { gate.check(asked("/mcp", &call("ask"))).await }
    });
    flooded.reviewer().sees_one().await;
    // More of each than two minutes have room for, should one end meanwhile.
    const EACH: usize = 130;
    let (unreadable, ambiguous) = (asked("/mcp", "{"), asked("/a/../mcp", &call("ask")));
    let (denied, full) = (asked("/mcp", &call("never")), asked("/mcp", &call("ask")));
    for request in [unreadable, ambiguous, denied, full] {
        for _ in 0..EACH {
            gate.check(request.clone()).await.expect("an answer");
        }
    }
    let stranger = flooded.reviewer_with("of nobody");
    for _ in 0..EACH {
        stranger.get("/v1/approvals").await;
    }
    waits.abort();
    let mut floods = Vec::new();
    for (event, sent) in [("denied", 4 * EACH), ("login-failed", EACH)] {
        let left_out = format!(r#"holdpoint_audit_left_out_total{{event="{event}"}}"#);
        let counted = eventually(&left_out, async || reading(&flooded, &left_out).await).await as usize;
        assert!(sent - counted <= 120, "{counted} of {sent} {event} are left out");
        floods.push((event, sent, counted));
    }
    let after = Holdpoint::start(CONFIG, Some(&redis)).await;
    // What is left of its minute is told when it leaves.
    assert!(flooded.leave().await.success());
    let told = async |event: &str| {
        let path = "/v1/audit?outcome=left-out";
        let found: Value = after.reviewer().get(path).await.json().await.ok()?;
        let entries = found["entries"].as_array()?;
        Some(entries.iter().filter_map(|line| line["entry"]["detail"][event].as_u64()).sum::<u64>())
    };
    for (event, sent, counted) in floods {
        eventually("the summary", async || told(event).await.filter(|n| *n == counted as u64)).await;
        found(&after, event, sent - counted).await;
    }
}
