//! Of what there are spans, and of what there are none.

use crate::support::eventually::eventually;
use crate::support::otlp::Receiver;
use crate::support::processes::{Holdpoint, RedisServer};
use crate::telemetry::metrics::{asks, lists_tools_within, page, reading};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-e9d5a3e44cb75273-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-e9d5a3e44cb75273-00";

/// The traces of the spans that a replica with this sampler tells of one list within this span.
async fn traces(sampler: &[(&str, &str)], traceparent: Option<&str>) -> Vec<String> {
    let receiver = Receiver::start().await;
    let url = receiver.url();
    let environment = [sampler, &[("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())]].concat();
    let mut holdpoint = Holdpoint::told(&environment, "shutdown: { grace: 1ms }", None).await;
    lists_tools_within(&holdpoint, traceparent).await;
    // What is left is sent.
    assert!(holdpoint.leave().await.success());
    receiver.spans().into_iter().map(|span| span.trace).collect()
}

#[tokio::test]
async fn the_gateway_says_what_is_sampled_unless_the_environment_does() {
    let said = |name| [("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", "0")];
    for (sampler, traceparent, is_sampled) in [
        (None, SAMPLED, true),
        (None, UNSAMPLED, false),
        (Some("always_on"), UNSAMPLED, true),
        (Some("always_off"), SAMPLED, false),
        (Some("traceidratio"), SAMPLED, false),
        (Some("parentbased_traceidratio"), SAMPLED, true),
    ] {
        let environment = sampler.map(said);
        let environment = environment.as_ref().map_or(&[][..], |said| &said[..]);
        let expected: &[&str] = if is_sampled { &[TRACE] } else { &[] };
        assert_eq!(traces(environment, Some(traceparent)).await, expected, "{sampler:?}, {traceparent}");
    }
    assert!(traces(&said("parentbased_traceidratio"), None).await.is_empty(), "a trace of our own");
}

#[tokio::test]
async fn a_malformed_parent_is_ignored_and_the_trace_is_one_of_our_own() {
    let traces = traces(&[], Some(&SAMPLED.to_uppercase())).await;
    assert_eq!(traces.len(), 1);
    assert_ne!(traces, [TRACE]);
}

#[tokio::test]
async fn probes_are_told_by_the_canarys_metrics_alone() {
    let (receiver, redis) = (Receiver::start().await, RedisServer::start().await);
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*receiver.url())];
    let config = "shutdown: { grace: 1ms }";
    let mut holdpoint = Holdpoint::told(&environment, config, Some(&redis)).await;
    let above = async |series: &str, value: f64| {
        eventually(series, async || reading(&holdpoint, series).await.filter(|n| *n > value)).await
    };
    above("holdpoint_canary_well_timestamp_seconds", 1_700_000_000.0).await;
    let probe = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"holdpoint.probe",
                   "arguments":{"hold_ms":20}}}"#;
    let answer = asks(&holdpoint, probe).await;
    assert_eq!(answer.status.map(|status| status.message).as_deref(), Some("probe"));
    let counts = r#"holdpoint_store_seconds_count{transition="count"}"#;
    let counted = above(counts, 0.0).await;
    above(counts, counted).await;

    let page = page(&holdpoint).await;
    let of_calls = ["holds_total", "wait_seconds", "parked", "refusals_total", "check_seconds"];
    let of_calls = of_calls.map(|name| format!("\nholdpoint_{name}"));
    for spoiled in of_calls.iter().map(String::as_str).chain([r#"queue="holdpoint-probe""#]) {
        assert!(!page.contains(spoiled), "{spoiled}: {page}");
    }
    assert!(holdpoint.leave().await.success());
    assert!(receiver.spans().is_empty(), "{:?}", receiver.spans());
}
