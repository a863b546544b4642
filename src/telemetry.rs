//! Logs, traces and metrics of this process.
//!
//! They belong to the process, as its log always did: whoever has something to tell calls a function, and nobody is
//! handed anything. What is told before [`start`], or without a receiver, is told to nobody and costs next to nothing.

mod attributes;
mod audit_logs;
mod export;
mod logging;
pub mod metrics;
mod receivers;
mod spans;
mod w3c;

use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use self::attributes::{answered, asked, decided, decides, ended, parked, voted};
pub use self::audit_logs::AuditLogs;
pub use self::export::{NoExporter, try_receivers};
pub use self::logging::LogFormat;
pub use self::metrics::metrics;
pub use self::spans::{Span, current, trace_id};
pub use self::w3c::TraceContext;

/// How long receivers get to take what is left when the process ends.
const LAST_EXPORTS: Duration = Duration::from_secs(3);

/// What has been started. It has to be told when the process ends.
#[derive(Debug)]
pub struct Telemetry {
    tracer: Option<SdkTracerProvider>,
    meter: SdkMeterProvider,
    logger: Option<SdkLoggerProvider>,
}

/// Why telemetry cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The filter of log lines is not one.
    #[error(transparent)]
    Filter(#[from] ParseError),
    /// The environment asks for an export that there cannot be.
    #[error("OTEL_*: {0}")]
    Export(#[from] NoExporter),
}

/// Starts logging to standard error (`filter` has the syntax of `RUST_LOG`), counting, and, where the environment names
/// a receiver (`OTEL_EXPORTER_OTLP_ENDPOINT`), exporting. It has to be called within a Tokio runtime.
///
/// # Errors
/// The filter is not one, or the environment contradicts itself.
pub fn start(format: LogFormat, filter: &str) -> Result<Telemetry, StartError> {
    let resource = resource();
    let tracer = export::traces(resource.clone())?;
    let logger = export::logs(resource.clone())?;
    let mut layers = vec![logging::layer(format, filter, logger.as_ref())?];
    layers.extend(tracer.as_ref().map(|tracer| spans::layer(tracer.tracer("holdpoint"))));
    tracing_subscriber::registry().with(layers).init();
    let meter = metrics::start(export::metrics()?, resource);
    global::set_meter_provider(meter.clone());
    Ok(Telemetry { tracer, meter, logger })
}

/// Who sends. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` go before.
fn resource() -> Resource {
    let named = Resource::builder().build();
    let unnamed = named.get(&"service.name".into()).is_none_or(|name| name.as_str().starts_with("unknown"));
    if unnamed { Resource::builder().with_service_name("holdpoint").build() } else { named }
}

impl Telemetry {
    /// Sends what is left, for a few seconds at most: a receiver that hangs does not keep the process.
    pub fn shut_down(self) {
        let (done, waits) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            // What fails here has been counted and logged where it failed.
            let _ = self.tracer.map(|tracer| tracer.shutdown_with_timeout(LAST_EXPORTS));
            let _ = self.meter.shutdown();
            let _ = self.logger.map(|logger| logger.shutdown_with_timeout(LAST_EXPORTS));
            let _ = done.send(());
        });
        if waits.recv_timeout(LAST_EXPORTS).is_err() {
            tracing::warn!("not everything could be exported in time");
        }
    }
}
