//! Log lines, each with the trace and the span that it belongs to.

use std::fmt;
use std::io::IsTerminal;

use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::format::{DefaultFields, Format, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};
use tracing_subscriber::util::SubscriberInitExt;

use super::TraceContext;
use super::spans::current;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error, and to the receiver of log lines where there is one.
pub(super) fn start(
    format: LogFormat,
    filter: &str,
    receiver: Option<&SdkLoggerProvider>,
) -> Result<(), ParseError> {
    // We say ourselves what cannot be exported, once and not with each batch.
    let filter = EnvFilter::try_new(format!(
        "opentelemetry=off,opentelemetry_sdk=off,opentelemetry_otlp=off,{filter}"
    ))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Text => {
            let inner = Format::default().with_ansi(std::io::stderr().is_terminal());
            let ends = Ends { line: "\n", ids: [" trace_id=", " span_id=", "\n"] };
            lines.fmt_fields(DefaultFields::new()).event_format(WithIds { inner, ends }).boxed()
        }
        LogFormat::Json => {
            let inner = Format::default().json().flatten_event(true);
            let ends = Ends { line: "}\n", ids: [r#","trace_id":""#, r#"","span_id":""#, "\"}\n"] };
            lines.fmt_fields(JsonFields::new()).event_format(WithIds { inner, ends }).boxed()
        }
    };
    let exported = receiver.map(OpenTelemetryTracingBridge::new);
    tracing_subscriber::registry().with(lines).with(filter).with(exported).init();
    Ok(())
}

/// Lines of an inner format, with the ids of the current span at their end.
struct WithIds<F> {
    inner: F,
    ends: Ends,
}

/// How a line of the inner format ends, and what is written instead: before, between and behind the ids.
struct Ends {
    line: &'static str,
    ids: [&'static str; 3],
}

impl<S, N, F> FormatEvent<S, N> for WithIds<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(TraceContext(span)) = current() else {
            return self.inner.format_event(context, to, event);
        };
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        let [before, between, behind] = self.ends.ids;
        let line = line.strip_suffix(self.ends.line).unwrap_or(&line);
        write!(to, "{line}{before}{}{between}{}{behind}", span.trace_id(), span.span_id())
    }
}
