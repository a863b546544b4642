//! The standard variables are honoured.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tokio::net::TcpListener;

use crate::support::authority::Authority;
use crate::support::eventually::eventually;
use crate::support::otlp::Receiver;
use crate::support::processes::{Holdpoint, serve};
use crate::telemetry::metrics::{lists_tools, reading};

#[tokio::test]
async fn what_is_left_is_sent_when_the_process_leaves() {
    let receiver = Receiver::start().await;
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*receiver.url()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic collector"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=from-attributes"),
        ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
        // Spans are not log lines.
        ("HOLDPOINT_LOG", "off,holdpoint::server=info"),
    ];
    let mut holdpoint = Holdpoint::told(&environment, "shutdown: { grace: 1ms }", None).await;
    lists_tools(&holdpoint).await;
    assert!(receiver.spans().is_empty(), "it is not time yet");
    assert!(holdpoint.leave().await.success());
    let check = receiver.named("ext_authz check").await;
    assert_eq!((check.service.as_str(), check.get("mcp.method.name")), ("from-attributes", "tools/list"));
    assert_eq!(receiver.authorizations(), [Some("Basic collector".to_owned())]);
}

#[tokio::test]
async fn metrics_and_logs_are_sent_under_the_same_names_and_ids() {
    let receiver = Receiver::start().await;
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*receiver.url()),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "100"),
    ];
    let holdpoint = Holdpoint::told(&environment, "", None).await;
    lists_tools(&holdpoint).await;
    eventually("metrics", async || {
        receiver.metrics().contains(&"holdpoint_check_seconds".to_owned()).then_some(())
    })
    .await;
    eventually("log lines", async || {
        receiver.logs().iter().any(|line| line.contains("gateways can connect")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn signals_can_be_switched_off() {
    let receiver = Receiver::start().await;
    for (off, value) in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
        let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*receiver.url()), (off, value)];
        let mut holdpoint = Holdpoint::told(&environment, "shutdown: { grace: 1ms }", None).await;
        lists_tools(&holdpoint).await;
        assert_eq!(reading(&holdpoint, "holdpoint_check_seconds_count").await, Some(1.0));
        assert!(holdpoint.leave().await.success());
    }
    assert!(receiver.spans().is_empty());
}

#[tokio::test]
async fn spans_go_over_http_where_that_is_asked_for() {
    let received: Arc<Mutex<Vec<String>>> = Arc::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let names = Arc::clone(&received);
    let traces = post(async move |body: Bytes| {
        let spans = ExportTraceServiceRequest::decode(body).expect("protobuf").resource_spans;
        let spans = spans.into_iter().flat_map(|of| of.scope_spans).flat_map(|scope| scope.spans);
        names.lock().unwrap().extend(spans.map(|span| span.name));
    });
    tokio::spawn(axum::serve(listener, axum::Router::new().route("/v1/traces", traces)).into_future());

    let environment =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")];
    let holdpoint = Holdpoint::told(&environment, "", None).await;
    lists_tools(&holdpoint).await;
    eventually("a span", async || {
        received.lock().unwrap().contains(&"ext_authz check".to_owned()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn spans_go_over_tls_to_a_receiver_of_the_authority_that_is_named_and_to_no_other() {
    let authority = Authority::new();
    let receiver = Receiver::behind_tls(&authority).await;
    let file = |name: &str| authority.folder().join(name).to_str().expect("UTF-8").to_owned();
    let (url, root, certificate, key) = (receiver.url(), file("root"), file("certificate"), file("key"));
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &certificate),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", &key),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", &root),
    ];
    let deceived = Holdpoint::told(&environment[..4], "", None).await;
    lists_tools(&deceived).await;
    eventually("a span that is not sent", async || {
        reading(&deceived, r#"holdpoint_export_dropped_total{signal="traces"}"#).await.filter(|n| *n > 0.0)
    })
    .await;
    assert!(receiver.spans().is_empty(), "nobody vouches for this receiver");

    let holdpoint = Holdpoint::told(&environment, "", None).await;
    lists_tools(&holdpoint).await;
    receiver.named("ext_authz check").await;
}

#[tokio::test]
async fn an_export_that_cannot_be_stops_the_start() {
    for (endpoint, protocol, why) in [
        ("https://collector", "http/protobuf", "https is only there with"),
        ("http://collector", "carrier-pigeon", "neither grpc nor http/protobuf"),
        ("http://collector", "grpc", "OTEL_*: /nowhere: No such file"),
    ] {
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere"),
        ];
        let mut refused = serve(&environment, &["--admin-listen", "127.0.0.1:0"]);
        assert!(!refused.ended().await.success());
        assert!(refused.stderr().contains(why), "{}", refused.stderr());
    }
}
