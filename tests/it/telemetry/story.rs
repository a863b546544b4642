//! One story, from the agent's span to the reviewer's, through a traced gateway and two replicas.

use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::Response;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::eventually::eventually;
use crate::support::otlp::{Receiver, Span};
use crate::support::processes::{Holdpoint, RedisServer};
use crate::support::world::Site;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const AGENT: &str = "e9d5a3e44cb75273";
const TWO_HAVE_TO: &str = "
admin:
  reviewers:
  - { name: ana, token_sha256: f26d54ccce805e557f92b58fb08b6c7b44d0483d8acee66672c9a00757b51409 }
policy: { defaults: { approvals: 2 } }
";

struct World {
    receiver: Receiver,
    a: Holdpoint,
    b: Holdpoint,
    site: Site,
    _redis: RedisServer,
}

impl World {
    async fn start(config: &str) -> Self {
        let (receiver, redis) = (Receiver::start().await, RedisServer::start().await);
        let url = receiver.url();
        let replica = async |name| {
            let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_SERVICE_NAME", name)];
            Holdpoint::told(&environment, config, Some(&redis)).await
        };
        let (a, b) = tokio::join!(replica("holdpoint-a"), replica("holdpoint-b"));
        let site = Site::traced([&a, &b], receiver.port()).await;
        Self { receiver, a, b, site, _redis: redis }
    }

    /// An agent with a trace of its own calls the tool.
    fn agent_calls(&self) -> JoinHandle<Response> {
        let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {} });
        let params =
            json!({ "name": "run_migration", "arguments": { "version": "argument-value" }, "_meta": meta });
        let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
        let post = self.site.post(call.to_string()).header("content-type", "application/json");
        let post = post.header("mcp-protocol-version", "2026-07-28");
        let post = post.header("mcp-method", "tools/call").header("mcp-name", "run_migration");
        let post = post.header("authorization", "Bearer token-of-the-agent");
        let post = post.header("traceparent", format!("00-{TRACE}-{AGENT}-01"));
        let post = post.header("tracestate", "vendor=1").header("baggage", "tenant=baggage-value");
        tokio::spawn(async move { post.send().await.expect("an answer") })
    }

    /// Everything that was exported, to look for what must not be there.
    fn all(&self) -> String {
        format!("{:?}", self.receiver.spans())
    }
}

fn is_ours(span: &Span) -> bool {
    span.service.starts_with("holdpoint")
}

#[tokio::test]
async fn one_trace_leads_from_the_agent_to_the_release_and_links_to_the_reviewers() {
    let world = World::start("").await;
    let (receiver, reviewer) = (&world.receiver, world.b.reviewer());
    let calling = world.agent_calls();

    let park = receiver.named("park").await;
    assert!(!calling.is_finished(), "who waits is visible already");
    assert!(receiver.spans().iter().all(|span| span.name != "hold"), "the call still waits");
    let id = reviewer.sees_one().await;
    assert_eq!((park.get("holdpoint.approval.id"), park.get("holdpoint.queue")), (id.as_str(), "default"));

    let decided = reviewer.decide(&id, json!({ "approved": true, "reason": "free-text" })).await;
    assert_eq!(decided.status(), 204);
    assert_eq!(calling.await.unwrap().status(), 200);

    let check = receiver.named("ext_authz check").await;
    let asks = receiver.span("the gateway's question", |span| span.id == check.parent).await;
    let ingress = receiver.span("the gateway's span", |span| span.parent == AGENT).await;
    assert_eq!([&asks.service, &ingress.service], ["gateway"; 2]);
    assert_eq!([&check.trace, &asks.trace, &ingress.trace], [TRACE; 3]);
    let hold = receiver.named("hold").await;
    let claim = receiver.named("claim").await;
    assert_eq!([&park.parent, &hold.parent, &claim.parent], [&check.id, &check.id, &hold.id]);
    assert_eq!(check.service, "holdpoint-a");
    assert_eq!(check.state, "vendor=1");

    let decision = receiver.named("decision").await;
    assert_eq!((decision.service.as_str(), decision.parent.as_str()), ("holdpoint-b", ""));
    assert_ne!(decision.trace, TRACE, "a decision is a trace of its own");
    assert!(decision.links_to(&check, "check"), "{decision:?}");
    assert!(hold.links_to(&decision, "decision"), "{hold:?}");

    assert_eq!(check.get("mcp.method.name"), "tools/call");
    assert_eq!(check.get("gen_ai.tool.name"), "run_migration");
    assert_eq!(check.get("holdpoint.reason_code"), "approved");
    assert_eq!(check.get("holdpoint.approval.id"), id);
    assert_eq!((hold.get("holdpoint.outcome"), hold.get("holdpoint.votes")), ("released", "1"));
    assert!(!hold.is_error);
    for secret in ["argument-value", "token-of-the-agent", "baggage-value", "free-text", "reviewer"] {
        let told = receiver.spans().into_iter().filter(is_ours).map(|span| format!("{span:?}"));
        assert_eq!(told.filter(|span| span.contains(secret)).collect::<Vec<_>>(), [""; 0], "{secret}");
    }

    let line = eventually("the gateway's access log", async || world.site.envoy.access_log().pop()).await;
    assert_eq!((&line["ext_authz"]["trace"], &line["ext_authz"]["approval"]), (&json!(TRACE), &json!(id)));
    let logged = world.a.log();
    let parked = logged.lines().find(|line| line.contains("parked")).expect("a log line");
    assert!(parked.contains(&format!("trace_id={TRACE} span_id={}", park.id)), "{parked}");
    let logged = world.b.log();
    let decided = logged.lines().find(|line| line.contains(" decided ")).expect("a log line");
    let ids = format!("trace_id={} span_id={}", decision.trace, decision.id);
    assert!(decided.contains(&ids), "{decided}");
    print(&receiver.spans());
}

/// The picture in docs/telemetry.md; see it with `--nocapture`.
fn print(spans: &[Span]) {
    fn below(parent: &str, trace: &str, depth: usize, spans: &[Span]) {
        for span in spans.iter().filter(|span| span.parent == parent && span.trace == trace) {
            let ms = (span.end - span.start) / 1_000_000;
            println!(
                "{:width$}{} · {} · {ms} ms · links {:?}",
                "",
                span.service,
                span.name,
                span.links,
                width = depth * 2
            );
            below(&span.id, trace, depth + 1, spans);
        }
    }
    below(AGENT, TRACE, 1, spans);
    for root in spans.iter().filter(|span| span.name == "decision") {
        println!("{} · decision · links {:?}", root.service, root.links);
    }
}

#[tokio::test]
async fn a_decision_made_while_nobody_waited_is_linked_when_it_is_redeemed_and_each_vote_has_its_link() {
    let world = World::start(TWO_HAVE_TO).await;
    let (receiver, reviewer) = (&world.receiver, world.b.reviewer());
    let calling = world.agent_calls();
    let id = reviewer.sees_one().await;
    let aborted = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    calling.abort();
    let (left, first_check) = (receiver.named("hold").await, receiver.named("ext_authz check").await);
    for span in [&left, &first_check] {
        assert_eq!((span.is_error, span.get("error.type")), (true, "cancelled"));
        assert!(u128::from(span.end) > aborted, "it lasts until the caller leaves: {span:?}");
    }

    reviewer.approves(&id).await;
    world.a.reviewer_with("token-of-ana-of-all").approves(&id).await;
    assert_eq!(world.agent_calls().await.unwrap().status(), 200);
    assert_eq!(world.site.migrations().await, ["argument-value"]);

    let hold = receiver
        .span("the hold that redeems", |span| {
            span.name == "hold" && span.get("holdpoint.outcome") == "released"
        })
        .await;
    let decisions = eventually("both decisions", async || {
        let decisions = receiver.spans().into_iter().filter(|span| span.name == "decision");
        Some(decisions.collect::<Vec<_>>()).filter(|decisions| decisions.len() == 2)
    })
    .await;
    for decision in &decisions {
        assert!(hold.links_to(decision, "decision"), "{hold:?}");
        assert!(decision.links_to(&first_check, "check"), "{decision:?}");
    }
    assert_ne!(hold.parent, first_check.id);
    assert!(!world.all().contains("token-of"));
}
