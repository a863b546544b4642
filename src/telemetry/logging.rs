//! Log lines, each with the trace and the span that it belongs to.

use std::fmt;
use std::io::IsTerminal;

use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::format::{DefaultFields, Format, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
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
    let lines = lines(format, std::io::stderr().is_terminal(), std::io::stderr);
    let exported = receiver.map(OpenTelemetryTracingBridge::new);
    tracing_subscriber::registry().with(lines).with(filter).with(exported).init();
    Ok(())
}

fn lines<W>(format: LogFormat, is_terminal: bool, to: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(to).with_ansi(is_terminal);
    match format {
        LogFormat::Text => {
            let inner = Format::default().with_ansi(is_terminal);
            let ends = Ends { line: "\n", ids: [" trace_id=", " span_id=", "\n"] };
            lines.fmt_fields(DefaultFields::new()).event_format(WithIds { inner, ends }).boxed()
        }
        LogFormat::Json => {
            let inner = Format::default().json().flatten_event(true);
            let ends = Ends { line: "}\n", ids: [r#","trace_id":""#, r#"","span_id":""#, "\"}\n"] };
            lines.fmt_fields(JsonFields::new()).event_format(WithIds { inner, ends }).boxed()
        }
    }
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::telemetry::Span;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-e9d5a3e44cb75273-01";

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat) -> String {
        let log = Log::default();
        let to = log.clone();
        let subscriber = tracing_subscriber::registry().with(lines(format, false, move || to.clone()));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(tool = "drop", "without");
            Span::asked_by(TraceContext::read(PARENT)).within(|| tracing::info!(tool = "drop", "within"));
        });
        String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn lines_end_with_the_ids_of_the_span_that_they_belong_to() {
        let text = logged(LogFormat::Text);
        let (without, within) = text.trim_end().split_once('\n').unwrap();
        assert!(without.ends_with(r#"without tool="drop""#), "{without}");
        let ids = "trace_id=0af7651916cd43dd8448eb211c80319c span_id=e9d5a3e44cb75273";
        assert!(within.ends_with(&format!(r#"within tool="drop" {ids}"#)), "{within}");
    }

    #[test]
    fn lines_of_json_stay_json() {
        let text = logged(LogFormat::Json);
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((lines.len(), &lines[0]["trace_id"]), (2, &serde_json::Value::Null));
        assert_eq!(lines[1]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
        assert_eq!((&lines[1]["span_id"], &lines[1]["tool"]), (&"e9d5a3e44cb75273".into(), &"drop".into()));
    }
}
