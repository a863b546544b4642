//! Who is sent what: OTLP, set by the standard environment variables.

use std::env::var;
use std::time::Duration;

use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig, Identity};
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, SpanExporter, WithExportConfig, WithTonicConfig,
};
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

/// How long the delivery of a part of the audit may take.
const AUDIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no exporter, although the environment asks for one.
#[derive(Debug, thiserror::Error)]
pub enum NoExporter {
    /// A variable makes no sense.
    #[error(transparent)]
    Built(#[from] ExporterBuildError),
    /// There is no TLS over HTTP.
    #[error("{0}: https is only there with OTEL_EXPORTER_OTLP_PROTOCOL=grpc")]
    PlainOnly(String),
    /// A certificate or a key that a variable names.
    #[error("{0}: {1}")]
    Unread(String, std::io::Error),
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
    Grpc(ClientTlsConfig),
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
        Protocol::Grpc(tls) => LogExporter::builder().with_tonic().with_tls_config(tls).build()?,
        Protocol::Http => LogExporter::builder().with_http().build()?,
    };
    let watched = Watched::new("logs", exporter, Pending::with_room_for(0));
    let batches = BatchLogProcessor::builder(watched).build();
    Ok(Some(SdkLoggerProvider::builder().with_resource(resource).with_log_processor(batches).build()))
}

/// Sends the audit to this receiver, by gRPC.
pub(super) fn audit(endpoint: &str) -> Result<LogExporter, NoExporter> {
    let tls = tls(|what| said("LOGS", what))?;
    let exporter = LogExporter::builder().with_tonic().with_tls_config(tls).with_endpoint(endpoint);
    Ok(exporter.with_timeout(AUDIT_TIMEOUT).build()?)
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
        Protocol::Grpc(tls) => SpanExporter::builder().with_tonic().with_tls_config(tls).build(),
        Protocol::Http => SpanExporter::builder().with_http().build(),
    }
}

fn metrics_over(protocol: Protocol) -> Result<MetricExporter, ExporterBuildError> {
    match protocol {
        Protocol::Grpc(tls) => MetricExporter::builder().with_tonic().with_tls_config(tls).build(),
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
    let said = |what: &str| said(name, what);
    let Some(endpoint) = said("ENDPOINT").filter(|_| is_wanted && !is_disabled) else { return Ok(None) };
    match said("PROTOCOL").as_deref() {
        None | Some("grpc") => Ok(Some(Protocol::Grpc(tls(said)?))),
        Some("http/protobuf") if endpoint.starts_with("https:") => Err(NoExporter::PlainOnly(endpoint)),
        Some("http/protobuf") => Ok(Some(Protocol::Http)),
        Some(other) => Err(NoExporter::Protocol(other.to_owned())),
    }
}

/// Whom we trust, where the endpoint is `https://`, and how we prove who we are. The exporter reads neither variable.
fn tls(said: impl Fn(&str) -> Option<String>) -> Result<ClientTlsConfig, NoExporter> {
    let read = |what| {
        let read = |path| std::fs::read(&path).map_err(|error| NoExporter::Unread(path, error));
        said(what).map(read).transpose()
    };
    let tls = match read("CERTIFICATE")? {
        Some(authority) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority)),
        None => ClientTlsConfig::new().with_enabled_roots(),
    };
    Ok(match (read("CLIENT_CERTIFICATE")?, read("CLIENT_KEY")?) {
        (Some(certificate), Some(key)) => tls.identity(Identity::from_pem(certificate, key)),
        _ => tls,
    })
}

/// What the environment says for a signal, or for all.
fn said(signal: &str, what: &str) -> Option<String> {
    let of_signal = set(&format!("OTEL_EXPORTER_OTLP_{signal}_{what}"));
    of_signal.or_else(|| set(&format!("OTEL_EXPORTER_OTLP_{what}")))
}

/// A variable that says something.
fn set(name: &str) -> Option<String> {
    var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
