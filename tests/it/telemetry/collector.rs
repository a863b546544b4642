//! Collectors that do not do what they should: nobody who asks may notice.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use crate::support::eventually::eventually;
use crate::support::processes::{Holdpoint, free_port};
use crate::telemetry::metrics::{lists_tools, reading};

/// Every list is a span; more than a queue of eight takes.
const LISTS: usize = 100;

async fn serves_as_if_nothing_were(endpoint: &str) {
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        // Longer than anybody waits here: what is counted has found no room.
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
    ];
    let mut holdpoint = Holdpoint::told(&environment, "shutdown: { grace: 1ms }", None).await;
    let begun = Instant::now();
    for _ in 0..LISTS {
        lists_tools(&holdpoint).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?} for {LISTS} answers", begun.elapsed());
    eventually("drops to be counted", async || {
        let dropped = reading(&holdpoint, r#"holdpoint_export_dropped_total{signal="traces"}"#).await?;
        (dropped > 0.0).then_some(())
    })
    .await;
    let leaves = Instant::now();
    assert!(holdpoint.leave().await.success());
    assert!(leaves.elapsed() < Duration::from_secs(10), "left after {:?}", leaves.elapsed());
}

#[tokio::test]
async fn with_a_dead_collector_everybody_is_served_and_what_is_lost_is_counted() {
    serves_as_if_nothing_were(&format!("http://127.0.0.1:{}", free_port())).await;
}

#[tokio::test]
async fn with_a_frozen_collector_everybody_is_served_and_what_is_lost_is_counted() {
    let frozen = TcpListener::bind("127.0.0.1:0").await.unwrap();
    serves_as_if_nothing_were(&format!("http://{}", frozen.local_addr().unwrap())).await;
}
