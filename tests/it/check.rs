//! `Check` itself, asked as a gateway asks, on the embedded store.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdpoint::approvals::{self, Approvals, Waiters};
use holdpoint::clock::{Clock, SystemClock};
use holdpoint::config::{Config, Loaded};
use holdpoint::domain::approval::{Approval, StateKind};
use holdpoint::domain::decision::{Decision, Membership, Reviewer, Role, Verdict, Vote};
use holdpoint::domain::ids::{DecisionId, ReplicaId, Subject};
use holdpoint::ext_authz::proto::authorization_server::Authorization;
use holdpoint::ext_authz::proto::check_response::HttpResponse;
use holdpoint::ext_authz::proto::{AttributeContext, CheckRequest, CheckResponse, attribute_context};
use holdpoint::ext_authz::{Gate, Settings};
use holdpoint::store::memory::MemoryStore;
use holdpoint::store::{ApprovalStore, Filter, Order, Query};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::support::eventually::eventually;
use crate::support::faults::FaultyStore;

const CALL: &str =
    r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"drop","arguments":{"table":"t"}}}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

struct World {
    gate: Arc<Gate>,
    approvals: Arc<Approvals>,
    store: Arc<FaultyStore>,
}

fn world(config: &str) -> World {
    let Loaded { config, policy, .. } = Config::read(config, Path::new("test.yaml")).unwrap();
    let (waiters, clock) = (Arc::new(Waiters::default()), Arc::new(SystemClock));
    let memory = MemoryStore::new(clock.clone(), waiters.clone(), Duration::from_secs(600));
    let store = Arc::new(FaultyStore::over(memory));
    let settings = approvals::Settings::new(Duration::from_millis(300), config.limits.into());
    let approvals = Approvals::new(store.clone(), waiters, clock, ReplicaId::random(), settings);
    let settings = Settings {
        identity: config.identity,
        max_body: config.ext_authz.max_body,
        keep_headers: config.ext_authz.keep_headers,
        leave_parked: config.shutdown.parked,
        reviewers_url: Some("https://queue.example".into()),
    };
    World { gate: Arc::new(Gate::new(policy, approvals.clone(), settings)), approvals, store }
}

/// What a gateway asks of a request in session `s`.
fn asked(method: &str, body: &str) -> CheckRequest {
    let headers = [
        ("content-type", "application/json"),
        ("content-length", &body.len().to_string()),
        ("mcp-session-id", "s"),
        ("authorization", "Bearer secret"),
    ];
    let http = attribute_context::HttpRequest {
        method: method.into(),
        path: "/mcp".into(),
        host: "tools".into(),
        headers: headers.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        size: body.len() as i64,
        body: body.into(),
        ..Default::default()
    };
    let request = attribute_context::Request { http: Some(http), ..Default::default() };
    let attributes = AttributeContext { request: Some(request), ..Default::default() };
    CheckRequest { attributes: Some(Box::new(attributes)) }
}

impl World {
    async fn asks(&self, request: tonic::Request<CheckRequest>) -> CheckResponse {
        self.gate.check(request).await.expect("always a response").into_inner()
    }

    async fn answer(&self, method: &str, body: &str) -> CheckResponse {
        self.asks(tonic::Request::new(asked(method, body))).await
    }

    fn call(&self, body: &'static str) -> JoinHandle<CheckResponse> {
        let gate = Arc::clone(&self.gate);
        tokio::spawn(async move {
            let request = tonic::Request::new(asked("POST", body));
            gate.check(request).await.expect("always a response").into_inner()
        })
    }

    async fn records(&self) -> Vec<Approval> {
        let (states, filter) = (StateKind::ALL.to_vec(), Filter::default());
        let query = Query { states, filter, order: Order::OldestFirst, after: None, limit: 100 };
        self.approvals.list(&query).await.unwrap().approvals
    }

    async fn parked(&self) -> Approval {
        eventually("a parked call", async || self.records().await.into_iter().next()).await
    }

    async fn decide(&self, approval: &Approval, verdict: Verdict) {
        let decision = Decision {
            id: DecisionId::random(),
            reviewer: Reviewer {
                subject: Subject("bob".into()),
                groups: Membership::All,
                roles: Role::ALL.into_iter().collect(),
                proof: "test".into(),
            },
            verdict,
            reason: Some("because".into()),
            reason_code: None,
            ticket: None,
            fingerprint: Some(approval.held.fingerprint),
            seen_in: Some(approval.seen_in),
        };
        self.approvals.decide(&approval.id, decision).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_redacted_is_not_in_the_record_and_the_call_that_was_approved_still_runs() {
    let world = world(
        r#"policy: { rules: [{ name: r, match: mcp.tool.arguments.table == "t", ruling: hold, redact: [{ pointer: /arguments/table }] }] }"#,
    );
    let call = world.call(CALL);
    let parked = world.parked().await;
    assert!(!format!("{parked:?}").contains(r#"\"table\":\"t\""#), "{parked:?}");
    assert_eq!(parked.held.redacted.dropped, ["/arguments/table"]);
    assert_eq!(parked.held.arguments().text(), r#"{"table":"[redacted]"}"#);
    world.decide(&parked, Verdict::Approve).await;
    assert!(is_allowed(&call.await.unwrap()));
}

fn is_allowed(response: &CheckResponse) -> bool {
    response.status.as_ref().is_some_and(|status| status.code == 0)
        && matches!(response.http_response, Some(HttpResponse::OkResponse(_)))
}

/// HTTP status, and the JSON that the agent reads.
fn denial(response: CheckResponse) -> (i32, Value) {
    assert_ne!(response.status.expect("a status").code, 0);
    let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else { panic!("not denied") };
    (denied.status.unwrap().code, serde_json::from_str(&denied.body).unwrap())
}

fn text(response: CheckResponse) -> String {
    let (status, body) = denial(response);
    assert_eq!((status, &body["result"]["isError"]), (200, &Value::Bool(true)));
    body["result"]["content"][0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_harms_nothing_passes_without_the_store() {
    let world = world("");
    world.store.fail(true);
    for (method, body) in [
        ("POST", LIST),
        ("POST", r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}"#),
        ("POST", r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#),
        ("POST", r#"{"jsonrpc":"2.0","id":"x","result":{}}"#),
        ("GET", ""),
        ("DELETE", ""),
    ] {
        assert!(is_allowed(&world.answer(method, body).await), "{method} {body}");
    }
    world.store.fail(false);
    assert_eq!(world.records().await, []);
}

#[tokio::test]
async fn a_held_call_goes_on_when_it_is_approved_and_the_record_holds_no_secret() {
    let world = world("");
    let call = world.call(CALL);
    let approval = world.parked().await;
    assert_eq!(approval.held.body, CALL);
    assert!(!format!("{approval:?}").contains("secret"), "{approval:?}");
    world.decide(&approval, Verdict::Approve).await;
    let response = call.await.unwrap();
    assert!(is_allowed(&response));
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!() };
    assert_eq!(ok.headers[0].header.as_ref().unwrap().value, approval.id.to_string());
}

#[tokio::test]
async fn a_rejected_call_is_told_why_and_asked_again_at_once_is_told_the_same() {
    let world = world("");
    let call = world.call(CALL);
    let approval = world.parked().await;
    world.decide(&approval, Verdict::Reject).await;
    let told = text(call.await.unwrap());
    assert!(told.contains("rejected it: because") && told.contains(&approval.id.to_string()), "{told}");
    assert_eq!(text(world.answer("POST", CALL).await), told, "nobody is asked again");
    assert_eq!(world.records().await.len(), 1);
}

#[tokio::test]
async fn the_gateways_deadline_ends_the_hold_before_the_gateway_gives_up() {
    let world = world("");
    for name in ["grpc-timeout", "x-envoy-expected-rq-timeout-ms"] {
        let mut request = tonic::Request::new(asked("POST", CALL));
        let value = if name == "grpc-timeout" { "200m" } else { "200" };
        request.metadata_mut().insert(name, value.parse().unwrap());
        let told = text(world.asks(request).await);
        assert!(told.starts_with("APPROVAL PENDING: drop was not executed yet"), "{told}");
        assert!(told.contains("https://queue.example/a/default-"), "{told}");
    }
    assert_eq!(world.records().await.len(), 1, "the second call took up the record of the first");
}

#[tokio::test]
async fn a_store_that_never_answers_keeps_no_call_past_the_gateways_deadline() {
    let world = world("");
    world.store.hang();
    let mut took = Vec::new();
    // The quickest of some: the machine may be busy.
    for _ in 0..5 {
        let mut request = tonic::Request::new(asked("POST", CALL));
        request.metadata_mut().insert("x-envoy-expected-rq-timeout-ms", "200".parse().unwrap());
        let started = Instant::now();
        assert!(!is_allowed(&world.asks(request).await));
        took.push(started.elapsed());
    }
    assert!(took.iter().any(|took| *took < Duration::from_millis(500)), "{took:?}");
}

#[tokio::test]
async fn rules_deny_pass_and_choose_the_form_of_a_denial() {
    let world = world(
        "policy:\n  unmatched: { tool_call: deny }\n  rules:\n  \
         - { name: reads, match: mcp.tool.name == 'query', ruling: pass }\n  \
         - { name: no, match: mcp.tool.name == 'drop', ruling: deny, reason: never here, denial: http403 }\n",
    );
    assert!(is_allowed(&world.answer("POST", &CALL.replace("drop", "query")).await));
    let (status, body) = denial(world.answer("POST", CALL).await);
    assert_eq!(status, 403);
    assert!(body["error"]["message"].as_str().unwrap().contains("never here"), "{body}");
    assert!(text(world.answer("POST", &CALL.replace("drop", "else")).await).contains("no rule allows"));
    let (status, body) = denial(world.answer("POST", &LIST.replace("tools/list", "tools/unknown")).await);
    assert_eq!((status, &body["id"]), (200, &Value::from(1)));
    assert_eq!(world.records().await, []);
}

#[tokio::test]
async fn what_is_not_read_with_certainty_is_refused_and_not_parked() {
    let world = world("policy: { rules: [ { name: all, match: 'true', ruling: pass } ] }");
    for body in [
        &CALL[..CALL.len() - 1],
        &format!("[{CALL}]"),
        r#"{"method":"tools/list","\u006dethod":"tools/call","id":1}"#,
        "",
    ] {
        let (status, body) = denial(world.answer("POST", body).await);
        assert!((400..500).contains(&status), "{status} {body}");
    }
    let mut ambiguous = asked("POST", LIST);
    let http = ambiguous.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap();
    http.path = "/public/%2e%2e/privileged".into();
    assert_eq!(denial(world.asks(tonic::Request::new(ambiguous)).await).0, 400);
    assert_eq!(denial(world.asks(tonic::Request::new(CheckRequest::default())).await).0, 400);
    assert_eq!(world.records().await, []);
}

#[tokio::test]
async fn a_transport_that_cannot_carry_a_denial_carries_no_held_call() {
    let world = world("");
    let post = |body| {
        let mut asked = asked("POST", body);
        let http = asked.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap();
        http.path = "/messages/?session_id=abc".into();
        tonic::Request::new(asked)
    };
    let (status, body) = denial(world.asks(post(CALL)).await);
    assert!(body["error"]["message"].as_str().unwrap().contains("Streamable HTTP"), "{status} {body}");
    assert!(is_allowed(&world.asks(post(LIST)).await));
    assert_eq!(world.records().await, []);
}

#[tokio::test]
async fn a_caller_that_cancels_its_request_or_ends_its_session_waits_no_longer() {
    for (method, body) in [
        ("POST", r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#),
        ("DELETE", ""),
    ] {
        let world = world("");
        let call = world.call(CALL);
        let approval = world.parked().await;
        let other = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":8}}"#;
        assert!(is_allowed(&world.answer("POST", other).await));
        assert!(is_allowed(&world.answer(method, body).await));
        let told = text(call.await.unwrap());
        assert!(told.starts_with("APPROVAL PENDING"), "{told}");
        let left = world.approvals.look(&approval.id).await.unwrap().unwrap();
        assert_eq!((left.state.kind(), left.holder), (StateKind::Pending, None));
    }
}

#[tokio::test]
async fn a_probe_is_refused_whatever_policy_says_and_even_if_the_store_releases_it() {
    let all = "policy: { rules: [{ name: all, match: \"true\", ruling: pass }] }";
    let world = world(all);
    let probe = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"holdpoint.probe","arguments":{"hold_ms":20000}}}"#;
    let calling = world.call(probe);
    let filter = Filter { queue: Some("holdpoint-probe".parse().unwrap()), ..Filter::default() };
    let query =
        Query { states: vec![StateKind::Pending], filter, order: Order::OldestFirst, after: None, limit: 1 };
    let parked = eventually("a parked probe", async || {
        world.approvals.list(&query).await.unwrap().approvals.into_iter().next()
    })
    .await;
    assert_eq!(world.records().await, Vec::new(), "it is among no other calls");
    // Past everything that would refuse the vote.
    let vote = Vote {
        decision: DecisionId::random(),
        reviewer: Subject("mallory".into()),
        proof: None,
        verdict: Verdict::Approve,
        marks: parked.held.terms.marks(&Membership::All),
        reason: None,
        reason_code: None,
        ticket: None,
        fingerprint: None,
        seen_in: None,
        at: SystemClock.now(),
        trace: None,
    };
    world.store.vote(&parked.id, &vote).await.unwrap();
    let response = calling.await.unwrap();
    assert!(!is_allowed(&response));
    let (_, body) = denial(response);
    let told = &body["result"]["_meta"]["dev.holdpoint/denial"];
    assert_eq!(told["reason_code"], "probe");
    assert_eq!(told["probe"]["parked"], true);
    assert_eq!(told["probe"]["exact_bytes"], false, "asked with a string");
    assert_eq!(told["probe"]["longest_hold_ms"], 50_000);
}

#[tokio::test]
async fn more_calls_than_may_wait_are_denied_with_a_reason() {
    let world = world("limits: { per_caller: 1 }");
    let _first = world.call(CALL);
    world.parked().await;
    let told = text(world.answer("POST", &CALL.replace("\"t\"", "\"u\"")).await);
    assert!(told.starts_with("QUEUE FULL: drop was not executed"), "{told}");
    assert_eq!(world.records().await.len(), 1);
}

#[tokio::test]
async fn while_the_store_is_down_calls_are_denied_and_nothing_is_let_through() {
    let world = world("");
    world.store.fail(true);
    assert!(text(world.answer("POST", CALL).await).contains("cannot reach its store"));
    assert!(is_allowed(&world.answer("POST", LIST).await), "what needs no person goes on");
    world.store.fail(false);
}
