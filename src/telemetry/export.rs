//! Who is sent what: OTLP, set by the standard environment variables.

use std::env::var;
use std::time::Duration;

use opentelemetry_otlp::{ExporterBuildError, LogExporter, MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{BatchLogProcessor, SdkLoggerProvider};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{MeterProviderBuilder, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanExporter as ExportSpans,
};

use super::receivers::{Bounded, Pending, Watched};

/// How often spans are sent, unless the environment says otherwise: who waits should be seen soon.
const SPANS_EVERY: Duration = Duration::from_secs(1);

/// So many spans may wait to be sent, unless the environment says otherwise.
const ROOM: usize = 2048;

/// Why there is no exporter, although the environment asks for one.
#[derive(Debug, thiserror::Error)]
pub enum NoExporter {
    /// A variable makes no sense.
    #[error(transparent)]
    Built(#[from] ExporterBuildError),
    /// There is no TLS over HTTP.
    #[error("{0}: https is only there with OTEL_EXPORTER_OTLP_PROTOCOL=grpc")]
    PlainOnly(String),
    /// A protocol that is not spoken.
    #[error("OTEL_EXPORTER_OTLP_PROTOCOL: {0:?} is neither grpc nor http/protobuf")]
    Protocol(String),
}

/// The signals, as variables name them.
#[derive(Clone, Copy)]
enum Signal {
    Traces,
    Metrics,
    Logs,
}

enum Protocol {
    Grpc,
    Http,
}

/// Sends spans, where a receiver is named.
pub(super) fn traces(resource: Resource) -> Result<Option<SdkTracerProvider>, NoExporter> {
    let Some(protocol) = receiver(Signal::Traces)? else { return Ok(None) };
    let exporter = spans_over(protocol)?;
    let room = set("OTEL_BSP_MAX_QUEUE_SIZE").and_then(|n| n.parse().ok()).unwrap_or(ROOM);
    let batches = match set("OTEL_BSP_SCHEDULE_DELAY") {
        Some(_) => BatchConfigBuilder::default(),
        None => BatchConfigBuilder::default().with_scheduled_delay(SPANS_EVERY),
    };
    let pending = Pending::with_room_for(room);
    let batches = BatchSpanProcessor::builder(Watched::new("traces", exporter, pending.clone()))
        .with_batch_config(batches.build())
        .build();
    let provider = SdkTracerProvider::builder().with_resource(resource);
    Ok(Some(provider.with_span_processor(Bounded::new(batches, pending)).build()))
}

/// Sends metrics, where a receiver is named.
pub(super) fn metrics() -> Result<MeterProviderBuilder, NoExporter> {
    let provider = SdkMeterProvider::builder();
    let Some(protocol) = receiver(Signal::Metrics)? else { return Ok(provider) };
    let watched = Watched::new("metrics", metrics_over(protocol)?, Pending::with_room_for(0));
    Ok(provider.with_reader(PeriodicReader::builder(watched).build()))
}

/// Sends log lines, where a receiver is named and `OTEL_LOGS_EXPORTER` is `otlp`.
pub(super) fn logs(resource: Resource) -> Result<Option<SdkLoggerProvider>, NoExporter> {
    let Some(protocol) = receiver(Signal::Logs)? else { return Ok(None) };
    let exporter = match protocol {
        Protocol::Grpc => LogExporter::builder().with_tonic().build()?,
        Protocol::Http => LogExporter::builder().with_http().build()?,
    };
    let watched = Watched::new("logs", exporter, Pending::with_room_for(0));
    let batches = BatchLogProcessor::builder(watched).build();
    Ok(Some(SdkLoggerProvider::builder().with_resource(resource).with_log_processor(batches).build()))
}

/// Sends the receivers of spans and metrics that the environment names an empty export each: whether they take it.
/// It has to be called within a Tokio runtime.
///
/// # Errors
/// The environment contradicts itself.
pub async fn try_receivers() -> Result<Vec<(&'static str, OTelSdkResult)>, NoExporter> {
    let mut tried = Vec::new();
    if let Some(protocol) = receiver(Signal::Traces)? {
        tried.push(("traces", spans_over(protocol)?.export(Vec::new()).await));
    }
    if let Some(protocol) = receiver(Signal::Metrics)? {
        tried.push(("metrics", metrics_over(protocol)?.export(&ResourceMetrics::default()).await));
    }
    Ok(tried)
}

fn spans_over(protocol: Protocol) -> Result<SpanExporter, ExporterBuildError> {
    match protocol {
        Protocol::Grpc => SpanExporter::builder().with_tonic().build(),
        Protocol::Http => SpanExporter::builder().with_http().build(),
    }
}

fn metrics_over(protocol: Protocol) -> Result<MetricExporter, ExporterBuildError> {
    match protocol {
        Protocol::Grpc => MetricExporter::builder().with_tonic().build(),
        Protocol::Http => MetricExporter::builder().with_http().build(),
    }
}

/// How the receiver of a signal is spoken to; none where none is named.
fn receiver(signal: Signal) -> Result<Option<Protocol>, NoExporter> {
    let (name, by_default) = match signal {
        Signal::Traces => ("TRACES", true),
        Signal::Metrics => ("METRICS", true),
        Signal::Logs => ("LOGS", false),
    };
    let is_wanted = set(&format!("OTEL_{name}_EXPORTER")).map_or(by_default, |exporter| exporter == "otlp");
    let is_disabled = set("OTEL_SDK_DISABLED").is_some_and(|off| off.eq_ignore_ascii_case("true"));
    let of_signal = |what| set(&format!("OTEL_EXPORTER_OTLP_{name}_{what}"));
    let endpoint = of_signal("ENDPOINT").or_else(|| set("OTEL_EXPORTER_OTLP_ENDPOINT"));
    let Some(endpoint) = endpoint.filter(|_| is_wanted && !is_disabled) else { return Ok(None) };
    let protocol = of_signal("PROTOCOL").or_else(|| set("OTEL_EXPORTER_OTLP_PROTOCOL"));
    match protocol.as_deref() {
        None | Some("grpc") => Ok(Some(Protocol::Grpc)),
        Some("http/protobuf") if endpoint.starts_with("https:") => Err(NoExporter::PlainOnly(endpoint)),
        Some("http/protobuf") => Ok(Some(Protocol::Http)),
        Some(other) => Err(NoExporter::Protocol(other.to_owned())),
    }
}

/// A variable that says something.
fn set(name: &str) -> Option<String> {
    var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
