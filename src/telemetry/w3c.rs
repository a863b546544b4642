//! A span as the W3C writes it (`traceparent`), the form in which gateways send it and records keep it.

use std::fmt;
use std::str::FromStr;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// Which span of which trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceContext(pub(super) SpanContext);

impl TraceContext {
    /// Reads a `traceparent`: `version-traceid-parentid-flags` in lower-case hex. A version after 00 may have more
    /// behind that. None where it is malformed, and has to be ignored.
    pub fn read(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.splitn(5, '-');
        let mut part = |length| parts.next().filter(|part| is_hex(part, length));
        let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
        let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
        let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
        context.is_valid().then_some(Self(context))
    }

    /// The same with the `tracestate` that came with it; a malformed one is ignored.
    pub fn with_state<'a>(self, lines: impl Iterator<Item = &'a str>) -> Self {
        let joined = lines.collect::<Vec<_>>().join(",");
        if joined.is_empty() {
            return self;
        }
        let state = TraceState::from_str(&joined).unwrap_or_default();
        let Self(span) = self;
        Self(SpanContext::new(span.trace_id(), span.span_id(), span.trace_flags(), true, state))
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(span) = self;
        write!(f, "00-{}-{}-{:02x}", span.trace_id(), span.span_id(), span.trace_flags().to_u8())
    }
}

fn is_hex(part: &str, length: usize) -> bool {
    part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "00-0af7651916cd43dd8448eb211c80319c-e9d5a3e44cb75273-01";

    #[test]
    fn a_valid_traceparent_reads_back() {
        for valid in [CLIENT, &CLIENT.replace("-01", "-00")] {
            assert_eq!(TraceContext::read(valid).unwrap().to_string(), valid);
        }
        let later = CLIENT.replacen("00", "cc", 1);
        for valid in [&later, &format!("{later}-what-comes-next")] {
            assert_eq!(TraceContext::read(valid).unwrap().to_string(), CLIENT);
        }
    }

    #[test]
    fn a_malformed_traceparent_is_ignored() {
        let invalid = [
            String::new(),
            CLIENT.to_uppercase(),
            CLIENT.replacen("00", "ff", 1),
            format!("{CLIENT}-more"),
            format!("{CLIENT}-"),
            format!("{CLIENT}0"),
            CLIENT.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            CLIENT.replace("e9d5a3e44cb75273", &"0".repeat(16)),
            CLIENT.replace('e', "g"),
            CLIENT.replace('-', "_"),
            CLIENT[..52].to_owned(),
        ];
        for value in invalid {
            assert_eq!(TraceContext::read(&value), None, "{value}");
        }
    }

    #[test]
    fn a_tracestate_is_kept_and_a_malformed_one_ignored() {
        let state = |lines: &[&str]| {
            let context = TraceContext::read(CLIENT).unwrap().with_state(lines.iter().copied());
            context.0.trace_state().header()
        };
        assert_eq!(state(&["a=1,b=2", "c=3"]), "a=1,b=2,c=3");
        assert_eq!(state(&[""]), "");
        assert_eq!(state(&["not a state"]), "");
    }
}
