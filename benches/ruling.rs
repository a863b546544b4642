//! What each Check costs before anybody is asked: reader, policy and fingerprint, for a call of 1 KB and 20 rules.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use holdpoint::config::Config;
use holdpoint::domain::call::{Call, Caller, Request};
use holdpoint::domain::fingerprint::Fingerprint;
use holdpoint::domain::ids::Subject;
use holdpoint::domain::json::Json;
use holdpoint::domain::message::Asked;
use holdpoint::domain::policy::Policy;
use holdpoint::domain::ruling::Ruling;
use holdpoint::ext_authz::mcp;
use holdpoint::ext_authz::request::{Body, Headers, HttpRequest};

const MAX_BODY: usize = 4 << 20;
const RULES: usize = 20;

/// The last rule is the one that holds.
fn policy() -> Policy {
    let mut rules = String::from("policy:\n  rules:\n");
    for number in 1..RULES {
        rules += &format!(
            "    - name: rule-{number}\n      match: mcp.tool.name == \"tool-{number}\" && caller.sub != \"admin-{number}\"\n      ruling: pass\n"
        );
    }
    rules += "    - name: migrations\n      match: mcp.tool.name.startsWith(\"run_\")\n      ruling: hold\n";
    Config::read(&rules, Path::new("bench.yaml")).expect("a policy").policy
}

fn request() -> HttpRequest {
    let steps: Vec<_> = (0..10)
        .map(|n| format!(r#"{{"table":"orders_{n}","column":"customer_{n}","type":"bigint"}}"#))
        .collect();
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"run_migration","arguments":{{"note":"{}","steps":[{}]}}}}}}"#,
        "x".repeat(280),
        steps.join(",")
    );
    let headers = [
        ("accept", "application/json, text/event-stream".to_owned()),
        ("authorization", format!("Bearer {}", "e".repeat(700))),
        ("content-length", body.len().to_string()),
        ("content-type", "application/json".to_owned()),
        ("mcp-protocol-version", "2025-11-25".to_owned()),
        ("mcp-session-id", "b62620bf8eca4a81aba5cc2902967296".to_owned()),
        ("user-agent", "python-httpx/0.28.1".to_owned()),
    ];
    HttpRequest {
        method: "POST".into(),
        path: "/privileged/mcp".into(),
        host: "mcp.example.com".into(),
        headers: Headers(headers.map(|(name, value)| (name.to_owned(), value)).into()),
        size: body.len() as i64,
        body: Body::Raw(body.into_bytes()),
    }
}

fn call() -> Call {
    Call {
        caller: Caller {
            subject: Some(Subject("dba-assistant".into())),
            claims: Json::read(br#"{"sub":"dba-assistant","groups":["dev"]}"#).expect("JSON"),
            ..Caller::anonymous()
        },
        request: Request {
            method: "POST".into(),
            target: "/privileged/mcp".into(),
            path: "/privileged/mcp".into(),
            host: "mcp.example.com".into(),
            headers: request().headers.0,
        },
        route: Some("privileged".into()),
        session: None,
    }
}

fn ruling(criterion: &mut Criterion) {
    let (policy, request, call) = (policy(), request(), call());
    let read = || mcp::read(&request, MAX_BODY).unwrap_or_else(|why| panic!("{why}"));
    let asked = read();
    let Asked::Message(message) = &asked else { panic!("a call is a message") };
    let Ruling::Hold(terms) = policy.rule(&call, &asked).ruling else { panic!("the last rule holds") };

    criterion.bench_function("reader", |bench| bench.iter(|| black_box(read())));
    criterion.bench_function("policy", |bench| bench.iter(|| black_box(policy.rule(&call, &asked))));
    criterion.bench_function("fingerprint", |bench| {
        bench.iter(|| black_box(Fingerprint::of(&call, message, &terms)));
    });
}

criterion_group!(benches, ruling);
criterion_main!(benches);
