//! Which trace a Check belongs to.

use tonic::metadata::MetadataMap;

use super::Headers;
use crate::telemetry::TraceContext;

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// The span that a Check belongs to, if a valid one is named.
///
/// The gateway's own span comes in the gRPC metadata and is nearer to us than the client's, which comes in the headers.
pub fn trace_context(metadata: &MetadataMap, headers: &Headers) -> Option<TraceContext> {
    let own = |name| metadata.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let of_gateway = only(own(PARENT)).and_then(TraceContext::read);
    match of_gateway {
        Some(context) => Some(context.with_state(own(STATE))),
        None => Some(only(headers.all(PARENT)).and_then(TraceContext::read)?.with_state(headers.all(STATE))),
    }
}

/// Of two, nobody can say which one holds.
fn only<T>(mut values: impl Iterator<Item = T>) -> Option<T> {
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "00-0af7651916cd43dd8448eb211c80319c-e9d5a3e44cb75273-01";
    const GATEWAY: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

    fn metadata(values: &[&str]) -> MetadataMap {
        let mut map = MetadataMap::new();
        for value in values {
            map.append(PARENT, value.parse().unwrap());
        }
        map
    }

    fn headers(values: &[&str]) -> Headers {
        Headers(values.iter().map(|value| (PARENT.into(), (*value).into())).collect())
    }

    fn read(metadata: &MetadataMap, headers: &Headers) -> Option<String> {
        trace_context(metadata, headers).map(|context| context.to_string())
    }

    #[test]
    fn the_gateways_own_span_comes_before_the_clients() {
        assert_eq!(read(&metadata(&[GATEWAY]), &headers(&[CLIENT])).as_deref(), Some(GATEWAY));
        assert_eq!(read(&metadata(&[]), &headers(&[CLIENT])).as_deref(), Some(CLIENT));
        assert_eq!(read(&metadata(&["junk"]), &headers(&[CLIENT])).as_deref(), Some(CLIENT));
    }

    #[test]
    fn of_two_neither_is_taken() {
        assert_eq!(read(&metadata(&[]), &headers(&[CLIENT, GATEWAY])).as_deref(), None);
        assert_eq!(read(&metadata(&[GATEWAY, CLIENT]), &headers(&[CLIENT])).as_deref(), Some(CLIENT));
    }
}
