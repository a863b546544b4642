//! How long the gateway waits for our answer.

use std::time::Duration;

use tonic::metadata::MetadataMap;

use super::Headers;

const GRPC: &str = "grpc-timeout";
const ENVOY: &str = "x-envoy-expected-rq-timeout-ms";

/// The time until the gateway gives up, by the soonest of the deadlines that came with the Check.
///
/// Envoy sets both on the Check itself; a gateway before it may have set its own on the request. What is malformed is
/// ignored, and so is zero: to Envoy that is "no timeout".
pub fn deadline(metadata: &MetadataMap, headers: &Headers) -> Option<Duration> {
    let given = |name| metadata.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    given(GRPC)
        .filter_map(grpc_timeout)
        .chain(given(ENVOY).chain(headers.all(ENVOY)).filter_map(milliseconds))
        .filter(|time| !time.is_zero())
        .min()
}

/// `1*8DIGIT` and a unit, as the gRPC protocol has it.
fn grpc_timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let count = decimal(digits)?;
    match unit {
        "H" => Some(Duration::from_secs(count * 60 * 60)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

fn milliseconds(value: &str) -> Option<Duration> {
    decimal(value).map(Duration::from_millis)
}

/// Digits only, where `parse` alone would take a sign.
fn decimal(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(pairs: &[(&'static str, &str)]) -> MetadataMap {
        let mut map = MetadataMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn headers(value: &str) -> Headers {
        Headers(vec![(ENVOY.into(), value.into())])
    }

    #[test]
    fn every_unit_of_grpc_timeout_is_read() {
        let units = [
            ("2H", Duration::from_secs(7200)),
            ("3M", Duration::from_secs(180)),
            ("50S", Duration::from_secs(50)),
            ("99999999m", Duration::from_millis(99_999_999)),
            ("7u", Duration::from_micros(7)),
            ("1n", Duration::from_nanos(1)),
        ];
        for (value, time) in units {
            assert_eq!(deadline(&metadata(&[(GRPC, value)]), &Headers::default()), Some(time), "{value}");
        }
    }

    #[test]
    fn a_malformed_deadline_is_ignored() {
        for value in ["", "S", "5", "5s", "5 S", "+5S", "-5S", "5.0S", "123456789S", "5Sx", "5é"] {
            assert_eq!(grpc_timeout(value), None, "{value}");
        }
        for value in ["", "+5", "-1", "1.5", "5ms", "18446744073709551616"] {
            assert_eq!(deadline(&MetadataMap::new(), &headers(value)), None, "{value}");
        }
    }

    #[test]
    fn zero_is_no_deadline() {
        assert_eq!(deadline(&metadata(&[(GRPC, "0S")]), &headers("0")), None);
    }

    #[test]
    fn the_sooner_deadline_wins() {
        let both = metadata(&[(GRPC, "60S"), (ENVOY, "5000")]);
        assert_eq!(deadline(&both, &Headers::default()), Some(Duration::from_secs(5)));
        assert_eq!(deadline(&both, &headers("4000")), Some(Duration::from_secs(4)));
        assert_eq!(deadline(&metadata(&[(GRPC, "1S")]), &headers("4000")), Some(Duration::from_secs(1)));
        assert_eq!(deadline(&metadata(&[(GRPC, "junk")]), &headers("4000")), Some(Duration::from_secs(4)));
    }

    #[test]
    fn without_a_deadline_there_is_none() {
        assert_eq!(deadline(&MetadataMap::new(), &Headers::default()), None);
    }
}
