//! Spans: what happened to a call, and when.

use std::sync::OnceLock;

use futures_util::FutureExt as _;
use opentelemetry::trace::{FutureExt as _, SpanKind, SpanRef, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;

use super::TraceContext;

/// Who makes spans; nobody where nothing is exported.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Begins to make spans.
pub(super) fn start(tracer: SdkTracer) {
    // A process starts its telemetry once.
    let _ = TRACER.set(tracer);
}

/// A span that goes on until it is dropped. Where nothing is exported it only knows the trace that it belongs to.
#[derive(Debug)]
pub struct Span {
    context: Context,
    is_whole: bool,
}

impl Span {
    /// A gateway's question, in the gateway's trace.
    pub fn asked_by(gateway: Option<TraceContext>) -> Self {
        let outside = match gateway {
            Some(TraceContext(span)) => Context::new().with_remote_span_context(span),
            None => Context::new(),
        };
        let span = Self::new("ext_authz check", SpanKind::Server, outside);
        span.within(|| {
            note(|asks| {
                asks.set_attribute(KeyValue::new("rpc.system.name", "grpc"));
                asks.set_attribute(KeyValue::new("rpc.method", "envoy.service.auth.v3.Authorization/Check"));
            });
        });
        span
    }

    /// A part of the current span.
    pub fn part(name: &'static str) -> Self {
        Self::new(name, SpanKind::Internal, Context::current())
    }

    /// The beginning of a trace of its own.
    pub fn root(name: &'static str) -> Self {
        Self::new(name, SpanKind::Server, Context::new())
    }

    fn new(name: &'static str, kind: SpanKind, parent: Context) -> Self {
        let context = match TRACER.get() {
            Some(tracer) => {
                let span = tracer.span_builder(name).with_kind(kind).start_with_context(tracer, &parent);
                parent.with_span(span)
            }
            None => parent,
        };
        Self { context, is_whole: false }
    }

    /// The future as what this span is about; the span ends with it. One that is dropped before its end is marked so.
    ///
    /// It adds little to the future's size, which counts where thousands wait.
    pub fn around<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        future.with_context(self.context.clone()).inspect(move |_| self.ends_well())
    }

    fn ends_well(mut self) {
        self.is_whole = true;
    }

    /// Runs this as a part of what the span is about.
    pub fn within<T>(&self, part: impl FnOnce() -> T) -> T {
        let _current = self.context.clone().attach();
        part()
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let span = self.context.span();
        if !self.is_whole && span.is_recording() {
            span.set_attribute(KeyValue::new("error.type", "cancelled"));
            span.set_status(Status::error("the caller left"));
        }
        // Of a remote span too this is harmless: it does not record.
        span.end();
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

/// The trace that the current span belongs to.
pub fn trace_id() -> Option<String> {
    current().map(|TraceContext(span)| span.trace_id().to_string())
}

/// Adds to the current span, where it is going to be exported.
pub(super) fn note(add: impl FnOnce(SpanRef<'_>)) {
    Context::map_current(|context| {
        let span = context.span();
        if span.is_recording() {
            add(span);
        }
    });
}
