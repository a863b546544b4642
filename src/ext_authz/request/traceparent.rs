//! Which trace a Check belongs to.

use tonic::metadata::MetadataMap;

use super::Headers;

const NAME: &str = "traceparent";

/// The W3C `traceparent` of a Check, if a valid one is there.
///
/// The gateway's own span comes in the gRPC metadata and is nearer to us than the client's, which comes in the headers.
pub fn traceparent<'a>(metadata: &'a MetadataMap, headers: &'a Headers) -> Option<&'a str> {
    let own = only(metadata.get_all(NAME).into_iter()).and_then(|value| value.to_str().ok());
    own.filter(|value| is_valid(value)).or_else(|| only(headers.all(NAME)).filter(|value| is_valid(value)))
}

/// Of two, nobody can say which one holds.
fn only<T>(mut values: impl Iterator<Item = T>) -> Option<T> {
    values.next().filter(|_| values.next().is_none())
}

/// `version-traceid-parentid-flags` in lower-case hex; a version after 00 may have more behind that.
fn is_valid(value: &str) -> bool {
    let mut parts = value.splitn(5, '-');
    let mut part = |length| parts.next().filter(|part| is_hex(part, length));
    let (Some(version), Some(trace), Some(parent), Some(_flags)) = (part(2), part(32), part(16), part(2))
    else {
        return false;
    };
    let ends_well = version != "00" || parts.next().is_none();
    version != "ff" && ends_well && [trace, parent].iter().all(|id| id.bytes().any(|byte| byte != b'0'))
}

fn is_hex(part: &str, length: usize) -> bool {
    part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "00-0af7651916cd43dd8448eb211c80319c-e9d5a3e44cb75273-01";
    const GATEWAY: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

    fn metadata(values: &[&str]) -> MetadataMap {
        let mut map = MetadataMap::new();
        for value in values {
            map.append(NAME, value.parse().unwrap());
        }
        map
    }

    fn headers(values: &[&str]) -> Headers {
        Headers(values.iter().map(|value| (NAME.into(), (*value).into())).collect())
    }

    #[test]
    fn the_gateways_own_span_comes_before_the_clients() {
        assert_eq!(traceparent(&metadata(&[GATEWAY]), &headers(&[CLIENT])), Some(GATEWAY));
        assert_eq!(traceparent(&metadata(&[]), &headers(&[CLIENT])), Some(CLIENT));
        assert_eq!(traceparent(&metadata(&["junk"]), &headers(&[CLIENT])), Some(CLIENT));
    }

    #[test]
    fn of_two_neither_is_taken() {
        assert_eq!(traceparent(&metadata(&[]), &headers(&[CLIENT, GATEWAY])), None);
        assert_eq!(traceparent(&metadata(&[GATEWAY, CLIENT]), &headers(&[CLIENT])), Some(CLIENT));
    }

    #[test]
    fn only_a_valid_traceparent_is_taken() {
        let later = CLIENT.replacen("00", "cc", 1);
        for valid in [CLIENT, &later, &format!("{later}-what-comes-next")] {
            assert!(is_valid(valid), "{valid}");
        }
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
            assert!(!is_valid(&value), "{value}");
        }
    }
}
