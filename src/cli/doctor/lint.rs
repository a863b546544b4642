//! The gateway's own configuration: settings that open the gate or cut held calls, and cannot be seen from outside.

mod agentgateway;
mod envoy;
mod kubernetes;

use std::time::Duration;

use anyhow::bail;
use serde_json::Value;

use super::finding::Finding;

/// How long a call is held unless a rule says otherwise.
pub(super) const USUAL_HOLD: Duration = Duration::from_secs(50);

/// What is wrong in the configuration of a gateway, by a look at its shape; rules hold for up to `longest`.
///
/// # Errors
/// It is not YAML, or of no gateway that is known.
pub(super) fn findings(text: &str, longest: Duration) -> anyhow::Result<Vec<Finding>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)?;
    let mut found = Vec::new();
    for document in &documents {
        found.extend(envoy::findings(document, longest));
        found.extend(agentgateway::findings(document, longest));
        found.extend(kubernetes::findings(document));
    }
    if found.is_empty() {
        bail!("no ext_authz filter of Envoy and no extAuthz or extAuth policy of agentgateway is in there");
    }
    Ok(found)
}

/// Every object in the document, outermost first.
fn objects(document: &Value) -> Vec<&Value> {
    let inner: Vec<&Value> = match document {
        Value::Object(members) => members.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    let own = document.is_object().then_some(document);
    own.into_iter().chain(inner.into_iter().flat_map(objects)).collect()
}

/// A span as gateways write it: `7205s`, `0.25s`, `200ms`, `5m`, `1h`; zero is often "none".
fn span(value: &Value) -> Option<Duration> {
    let text = value.as_str()?;
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// `Ok` where the setting is as it should be, with the words of each.
fn setting(about: &'static str, good: bool, well: &str, ill: impl Into<String>) -> Finding {
    if good { Finding::ok(about, well) } else { Finding::failed(about, ill) }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    const LONGEST: Duration = Duration::from_secs(50);

    fn read(name: &str) -> String {
        std::fs::read_to_string(format!("{}/deploy/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    fn failed(text: &str) -> Vec<&'static str> {
        let found = findings(text, LONGEST).unwrap();
        found.iter().filter(|finding| finding.level == Level::Failed).map(|finding| finding.about).collect()
    }

    /// Which settings are said to be wrong once this one is changed; all are right before.
    fn failed_with(file: &str, from: &str, to: &str) -> Vec<&'static str> {
        let text = read(file);
        assert_eq!(failed(&text), Vec::<&str>::new());
        assert!(text.contains(from), "{from}");
        failed(&text.replace(from, to))
    }

    #[test]
    fn each_dangerous_setting_of_envoy_is_named() {
        for (from, to, about) in [
            ("failure_mode_allow: false", "failure_mode_allow: true", "envoy.failure"),
            ("allow_partial_message: false", "allow_partial_message: true", "envoy.partial_bodies"),
            ("pack_as_bytes: true", "pack_as_bytes: false", "envoy.exact_bytes"),
            ("timeout: 7205s", "timeout: 0.2s", "envoy.check_timeout"),
            ("                timeout: 7205s", "", "envoy.check_timeout"),
            ("max_interval: 7205s", "max_interval: 10s", "envoy.retry_time"),
            ("retry_policy:", "retries:", "envoy.retry"),
            ("idle_timeout: 7300s", "idle_timeout: 5s", "envoy.idle_timeout"),
        ] {
            assert_eq!(failed_with("envoy.yaml", from, to), [about], "{to}");
        }
    }

    #[test]
    fn an_idle_timeout_that_is_not_set_is_five_minutes() {
        let text = read("envoy.yaml").replace("idle_timeout: 7300s", "priority: DEFAULT");
        assert_eq!(failed(&text), Vec::<&str>::new());
        let found = findings(&text, Duration::from_secs(600)).unwrap();
        assert!(
            found.iter().any(|f| f.about == "envoy.idle_timeout" && f.level == Level::Failed),
            "{found:?}"
        );
    }

    #[test]
    fn each_dangerous_setting_of_agentgateway_is_named() {
        for (from, to, about) in [
            ("failureMode: { denyWithStatus: 503 }", "failureMode: allow", "agentgateway.failure"),
            ("allowPartialMessage: false", "allowPartialMessage: true", "agentgateway.partial_bodies"),
            ("packAsBytes: true", "packAsBytes: false", "agentgateway.exact_bytes"),
            ("requestTimeout: 7500s", "requestTimeout: 10s", "agentgateway.check_timeout"),
            ("mode: strict", "mode: optional", "agentgateway.login"),
            (
                "        extAuthz:",
                "        timeout: { requestTimeout: 60s }\n        extAuthz:",
                "agentgateway.request_timeout",
            ),
            (
                "          host: 127.0.0.1:9001",
                "          host: 127.0.0.1:9001\n          cache: {}",
                "agentgateway.cache",
            ),
            (
                "          host: 127.0.0.1:9001",
                "          host: 127.0.0.1:9001\n          conditional: 'true'",
                "agentgateway.conditional",
            ),
        ] {
            assert_eq!(failed_with("agentgateway.yaml", from, to), [about], "{to}");
        }
    }

    #[test]
    fn another_file_is_not_taken_for_a_gateway_without_dangers() {
        assert!(findings("policy: {}", LONGEST).is_err());
        assert!(findings("a: [", LONGEST).is_err());
    }
}
