//! The service, as its admin side describes itself.

use serde::Deserialize;

use super::finding::Finding;
use crate::cli::client::Client;

/// What `GET /readyz` says.
#[derive(Debug, Deserialize)]
struct Ready {
    status: String,
    store: Store,
    canary: Canary,
}

#[derive(Debug, Deserialize)]
struct Store {
    kind: String,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Canary {
    status: String,
    age_seconds: Option<i64>,
    error: Option<String>,
}

/// Looks at one replica.
pub(super) fn findings(client: &Client) -> Vec<Finding> {
    let Ready { status, store, canary } = match client.readiness::<Ready>() {
        Ok(ready) => ready,
        Err(error) => return vec![Finding::failed("service.ready", error.to_string())],
    };
    let about = "service.ready";
    let ready = match (status.as_str(), store.kind.as_str(), store.error) {
        ("ready", "embedded", _) => {
            Finding::warning(about, "approvals live in this one process and end with it: configure a Redis")
        }
        ("ready", kind, _) => Finding::ok(about, format!("ready, on {kind}")),
        (status, kind, error) => {
            Finding::failed(about, format!("{status}; {kind}: {}", error.unwrap_or("no error".to_owned())))
        }
    };
    let about = "service.canary";
    let canary = match (canary.status.as_str(), canary.age_seconds, canary.error) {
        ("ok", Some(age), _) => {
            Finding::ok(about, format!("a probe of the replica by itself went well {age} s ago"))
        }
        (_, _, Some(error)) => Finding::failed(about, error),
        _ => {
            Finding::warning(about, "no probe of the replica by itself was made yet; look again in a minute")
        }
    };
    vec![ready, canary]
}
