//! The audit reaches those who keep it elsewhere, whatever fails.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use holdpoint::domain::audit::{Section, verify};
use tokio::net::TcpListener;

use crate::support::eventually::eventually;
use crate::support::otlp::Receiver;
use crate::support::processes::{Holdpoint, RedisServer};
use crate::telemetry::metrics::reading;

const TOKEN: &str = "token-of-the-webhook";

/// Somebody who collects lines, and fails when told to.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    fails: bool,
    refused: usize,
    taken: String,
}

impl Collector {
    async fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/ingest", post(collect)).with_state(self);
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/ingest")
    }

    fn fails(&self, fails: bool) {
        self.0.lock().unwrap().fails = fails;
    }

    fn refused(&self) -> usize {
        self.0.lock().unwrap().refused
    }

    /// What it took of the chain of queue `default`. All of it has to be one chain, in its order.
    fn took(&self) -> Option<Section> {
        default_chain(&self.0.lock().unwrap().taken)
    }
}

fn default_chain(lines: &str) -> Option<Section> {
    verify(lines, None).expect("a chain in its order").chains.get("default").cloned()
}

async fn collect(State(collector): State<Collector>, headers: HeaderMap, lines: String) -> StatusCode {
    let mut collected = collector.0.lock().unwrap();
    let token = headers.get("authorization").and_then(|value| value.to_str().ok());
    let is_right =
        token == Some(&format!("Bearer {TOKEN}")) && headers["content-type"] == "application/x-ndjson";
    if collected.fails || !is_right {
        collected.refused += 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    collected.taken.push_str(&lines);
    StatusCode::OK
}

/// Lets so many things happen in queue `default`.
fn happens(redis: &RedisServer, times: usize) {
    for _ in 0..times {
        let _: String = redis::cmd("XADD")
            .arg(&[
                "holdpoint:{default}:audit",
                "*",
                "note",
                "denied",
                "about",
                "",
                "who",
                "",
                "detail",
                "{}",
            ])
            .query(&mut redis.connection())
            .unwrap();
    }
}

#[tokio::test]
async fn a_webhook_that_fails_gets_every_entry_in_order_also_from_the_next_replica() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, TOKEN).unwrap();
    let collector = Collector::default();
    let url = collector.clone().start().await;
    let config =
        format!("audit: {{ sinks: [{{ name: siem, webhook: '{url}', token_file: {} }}] }}", token.display());
    let redis = RedisServer::start().await;
    let mut ships = Holdpoint::start(&config, Some(&redis)).await;
    happens(&redis, 300);
    let took = async |n: u64| {
        eventually(&format!("{n} entries"), async || collector.took().filter(|chain| chain.last == n)).await
    };
    assert_eq!(took(300).await.first, 1);

    collector.fails(true);
    happens(&redis, 5);
    eventually("failures", async || (collector.refused() > 1).then_some(())).await;
    for (series, least) in [
        (r#"holdpoint_audit_behind_entries{sink="siem"}"#, 5.0),
        (r#"holdpoint_audit_behind_seconds{sink="siem"}"#, 0.001),
        (r#"holdpoint_audit_ship_errors_total{sink="siem"}"#, 1.0),
        (r#"holdpoint_audit_sealed_entries{chain="default"}"#, 305.0),
        (r#"holdpoint_audit_shipped_total{sink="siem"}"#, 300.0),
    ] {
        eventually(series, async || reading(&ships, series).await.filter(|n| *n >= least)).await;
    }
    collector.fails(false);
    took(305).await;

    let next = Holdpoint::start(&config, Some(&redis)).await;
    happens(&redis, 5);
    ships.crash().await;
    let took = took(310).await;
    assert_eq!((took.first, took.last), (1, 310));
    let behind = r#"holdpoint_audit_behind_entries{sink="siem"}"#;
    eventually("nothing to be left", async || reading(&next, behind).await.filter(|n| *n == 0.0)).await;
}

#[tokio::test]
async fn a_receiver_of_otlp_logs_gets_every_entry_though_it_was_away() {
    let receiver = Receiver::start().await;
    let redis = RedisServer::start().await;
    let config = format!("audit: {{ sinks: [{{ name: collector, otlp: '{}' }}] }}", receiver.url());
    receiver.refuses_logs(true);
    let holdpoint = Holdpoint::start(&config, Some(&redis)).await;
    happens(&redis, 300);
    let errors = r#"holdpoint_audit_ship_errors_total{sink="collector"}"#;
    eventually("failures", async || reading(&holdpoint, errors).await.filter(|n| *n > 1.0)).await;
    assert!(receiver.logs().is_empty());
    receiver.refuses_logs(false);
    let chain = eventually("all entries", async || {
        // Behind a line stand the ids of its span.
        let lines = receiver
            .logs()
            .iter()
            .map(|log| format!("{}}}\n", &log[..log.rfind('}').unwrap()]))
            .collect::<String>();
        default_chain(&lines).filter(|chain| chain.last == 300)
    })
    .await;
    assert_eq!(chain.first, 1);
}
