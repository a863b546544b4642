//! What stands between us and a receiver that may be slow, frozen or gone: a bounded queue, and a count of what was lost.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter as ExportLogs};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, Span, SpanData, SpanExporter as ExportSpans, SpanProcessor,
};
use tokio::runtime::Handle;

use super::metrics::metrics;

/// How many wait to be sent, and how many may.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    waiting: Arc<AtomicUsize>,
    room: usize,
}

impl Pending {
    pub(super) fn with_room_for(room: usize) -> Self {
        Self { waiting: Arc::default(), room }
    }

    fn takes_one(&self) -> bool {
        let taken = |waiting| (waiting < self.room).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    fn gives_back(&self, n: usize) {
        self.waiting.fetch_sub(n, Ordering::Relaxed);
    }
}

/// A queue of spans that counts what it has no room for: the one inside does not tell.
#[derive(Debug)]
pub(super) struct Bounded {
    queue: BatchSpanProcessor,
    pending: Pending,
}

impl Bounded {
    pub(super) fn new(queue: BatchSpanProcessor, pending: Pending) -> Self {
        Self { queue, pending }
    }
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.queue.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.pending.takes_one() {
            self.queue.on_end(span);
        } else {
            metrics().export_dropped("traces", 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.queue.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.queue.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.queue.set_resource(resource);
    }
}

/// An exporter whose failures are counted, and logged once each time they begin.
pub(super) struct Watched<E> {
    signal: &'static str,
    exporter: E,
    pending: Pending,
    fails: AtomicBool,
    runtime: Handle,
}

impl<E> Watched<E> {
    pub(super) fn new(signal: &'static str, exporter: E, pending: Pending) -> Self {
        Self { signal, exporter, pending, fails: AtomicBool::new(false), runtime: Handle::current() }
    }

    /// Exports within our runtime: it is asked for on threads that have none.
    async fn sent(&self, export: impl Future<Output = OTelSdkResult>, n: usize) -> OTelSdkResult {
        let mut export = pin!(export);
        let within = poll_fn(|context| {
            let _entered = self.runtime.enter();
            export.as_mut().poll(context)
        });
        self.note(within.await, n)
    }

    fn note(&self, result: OTelSdkResult, lost: usize) -> OTelSdkResult {
        let fails = result.is_err();
        let failed = self.fails.swap(fails, Ordering::Relaxed);
        match &result {
            Err(error) => {
                metrics().export_dropped(self.signal, lost);
                if !failed {
                    tracing::warn!(signal = self.signal, %error, "not exported");
                }
            }
            Ok(()) if failed => tracing::info!(signal = self.signal, "exported again"),
            Ok(()) => {}
        }
        result
    }
}

impl<E> fmt::Debug for Watched<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watched({})", self.signal)
    }
}

impl ExportSpans for Watched<SpanExporter> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let n = batch.len();
        self.pending.gives_back(n);
        self.sent(self.exporter.export(batch), n).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl PushMetricExporter for Watched<MetricExporter> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.sent(self.exporter.export(metrics), 1).await
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

impl ExportLogs for Watched<LogExporter> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let n = batch.iter().count();
        self.sent(self.exporter.export(batch), n).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
