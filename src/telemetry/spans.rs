//! Spans: what happened to a call, and when.
//!
//! They are spans of `tracing` under a target of their own. Where traces are exported [`layer`] takes them; no other layer
//! does, so that otherwise they are disabled and cost next to nothing.

use std::sync::LazyLock;

use futures_util::FutureExt as _;
use opentelemetry::trace::{FutureExt as _, SpanRef, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;
use tracing::{Instrument, Level};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::Registry;

use super::TraceContext;

/// The target of our spans.
pub(super) const TARGET: &str = "holdpoint::trace";

/// Takes our spans, and no log lines, to where they are exported.
pub(super) fn layer(tracer: SdkTracer) -> Box<dyn Layer<Registry> + Send + Sync> {
    OpenTelemetryLayer::new(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(Targets::new().with_target(TARGET, Level::INFO))
        .boxed()
}

/// A span that goes on until it is dropped. Where nothing is exported it only knows the trace that it belongs to.
#[derive(Debug)]
pub struct Span {
    span: tracing::Span,
    /// What it is a part of: still current within where the span itself is disabled.
    outside: Context,
}

impl Span {
    /// A gateway's question, in the gateway's trace.
    pub fn asked_by(gateway: Option<TraceContext>) -> Self {
        let outside = match gateway {
            Some(TraceContext(span)) => Context::new().with_remote_span_context(span),
            None => Context::new(),
        };
        let Self { span, outside } = Self::new("ext_authz check", "server", outside);
        span.set_attribute("rpc.system.name", "grpc");
        span.set_attribute("rpc.method", "envoy.service.auth.v3.Authorization/Check");
        Self { span, outside }
    }

    /// A part of the current span.
    pub fn part(name: &'static str) -> Self {
        Self::new(name, "internal", Context::current())
    }

    /// The beginning of a trace of its own.
    pub fn root(name: &'static str) -> Self {
        Self::new(name, "server", Context::new())
    }

    /// The same, told to nobody, and with it all that happens within. This has to be said before it begins.
    pub fn untold(self) -> Self {
        let outside = self.outside.with_telemetry_suppressed();
        // Dropped here, it ends; that is told to nobody either.
        let _ = self.span.set_parent(outside.clone());
        Self { span: tracing::Span::none(), outside }
    }

    fn new(name: &'static str, kind: &'static str, outside: Context) -> Self {
        if outside.is_telemetry_suppressed() || is_left_out(&outside) {
            return Self { span: tracing::Span::none(), outside };
        }
        let span =
            tracing::info_span!(target: TARGET, parent: None, "span", otel.name = name, otel.kind = kind);
        // It has not started yet, so this fails only where nothing is exported.
        let _ = span.set_parent(outside.clone());
        Self { span, outside }
    }

    /// The future as what this span is about; the span ends with it. One that is dropped before its end is marked so.
    ///
    /// It adds little to the future's size, which counts where thousands wait.
    pub fn around<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        let unfinished = Unfinished { is_over: false };
        let marked = future.inspect(move |_| unfinished.ends());
        // Dropped within the span too, so that it lasts until then.
        marked.instrument(self.span).with_context(self.outside)
    }

    /// Runs this as a part of what the span is about.
    pub fn within<T>(&self, part: impl FnOnce() -> T) -> T {
        let _outside = self.outside.clone().attach();
        self.span.in_scope(part)
    }
}

/// Whether it belongs to a span that is not sampled, and we do as that one. The sampler would say the same, but only of
/// a span that is there, and to make one is what costs.
fn is_left_out(outside: &Context) -> bool {
    static DOES_AS_PARENT: LazyLock<bool> = LazyLock::new(|| {
        let sampler = std::env::var("OTEL_TRACES_SAMPLER").unwrap_or_default();
        sampler.is_empty() || sampler.starts_with("parentbased_")
    });
    let span = outside.span();
    let parent = span.span_context();
    parent.is_valid() && !parent.is_sampled() && *DOES_AS_PARENT
}

/// A future that is under way. Dropped before its end, it says why on the current span.
struct Unfinished {
    is_over: bool,
}

impl Unfinished {
    fn ends(mut self) {
        self.is_over = true;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (kind, why) = match std::thread::panicking() {
            true => ("panic", "a panic"),
            false => ("cancelled", "the caller left"),
        };
        note(|span| {
            span.set_attribute(KeyValue::new("error.type", kind));
            span.set_status(Status::error(why));
        });
    }
}

/// The span that is current, or the one of the gateway where nothing is exported.
pub fn current() -> Option<TraceContext> {
    Context::map_current(|context| {
        let span = context.span();
        let known = span.span_context();
        known.is_valid().then(|| TraceContext(known.clone()))
    })
}

/// Whether what happens now is told to anybody: not so within [`Span::untold`].
pub(super) fn is_told() -> bool {
    !Context::is_current_telemetry_suppressed()
}

/// The trace that the current span belongs to.
pub fn trace_id() -> Option<String> {
    current().map(|TraceContext(span)| span.trace_id().to_string())
}

/// Adds to the current span, where it is going to be exported.
pub(super) fn note(add: impl FnOnce(&SpanRef<'_>)) {
    Context::map_current(|context| {
        let span = context.span();
        if span.is_recording() {
            add(&span);
        }
    });
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::telemetry::LogFormat;
    use crate::telemetry::logging;

    #[test]
    fn where_nothing_is_exported_spans_are_disabled_whatever_is_logged() {
        let lines = logging::layer(LogFormat::Text, "trace", None).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(vec![lines]), || {
            assert!(Span::root("decision").span.is_disabled());
        });
    }
}
