//! Envoy's static configuration.

use std::time::Duration;

use serde_json::Value;

use super::{objects, setting, span};
use crate::cli::doctor::finding::Finding;

/// What `grpc_service.timeout` is where nothing is set.
const CHECK_TIMEOUT: Duration = Duration::from_millis(200);

/// What `stream_idle_timeout` is where nothing is set.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// How many times `base_interval` the `max_interval` of a back-off is where nothing is set.
const BACK_OFF: u32 = 10;

const EXT_AUTHZ: &str = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
const PER_ROUTE: &str = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute";

/// Looks at every ext_authz filter, and at the routes that it gates.
pub(super) fn findings(document: &Value, longest: Duration) -> Vec<Finding> {
    let objects = objects(document);
    let filters = objects.iter().filter(|object| object["@type"] == EXT_AUTHZ);
    let mut found: Vec<Finding> = filters.flat_map(|filter| of_filter(filter, longest)).collect();
    if !found.is_empty() {
        for manager in objects.iter().filter(|object| object.get("http_filters").is_some()) {
            found.extend(of_routes(manager, longest));
        }
    }
    found
}

fn of_filter(filter: &Value, longest: Duration) -> Vec<Finding> {
    let (body, service) = (&filter["with_request_body"], &filter["grpc_service"]);
    let timeout = span(&service["timeout"]).unwrap_or(CHECK_TIMEOUT);
    // Zero is no limit.
    let lasts = |limit: Duration| limit.is_zero() || limit >= longest;
    let mut found = vec![
        setting(
            "envoy.failure",
            filter["failure_mode_allow"] != true,
            "refuses when Holdpoint is away",
            "failure_mode_allow: true lets every request through when Holdpoint is away",
        ),
        setting(
            "envoy.partial_bodies",
            body["allow_partial_message"] != true,
            "refuses bodies that are too large",
            "allow_partial_message: true cuts large bodies and forwards what is left to Holdpoint",
        ),
        setting(
            "envoy.exact_bytes",
            body["pack_as_bytes"] == true,
            "shows bodies as bytes",
            "without with_request_body.pack_as_bytes: true, bytes that are not UTF-8 are replaced before Holdpoint reads them",
        ),
        setting(
            "envoy.check_timeout",
            lasts(timeout),
            "waits for a Check longer than any rule holds",
            format!(
                "gives up on a Check after {timeout:?} (grpc_service.timeout), and rules hold for up to {longest:?}"
            ),
        ),
    ];
    let Some(retry) = service.get("retry_policy") else {
        let ill =
            "without grpc_service.retry_policy the callers of a replica that dies get an empty 403 at once";
        found.push(Finding::failed("envoy.retry", ill));
        return found;
    };
    found.push(Finding::ok("envoy.retry", "asks another replica when one dies"));
    let back_off = &retry["retry_back_off"];
    let base = span(&back_off["base_interval"]).unwrap_or(Duration::from_secs(1));
    let limit = span(&back_off["max_interval"]).unwrap_or(base * BACK_OFF);
    found.push(setting(
        "envoy.retry_time",
        lasts(limit),
        "a single try may last as long as a hold",
        format!("a single try ends after {limit:?} (retry_back_off.max_interval), and rules hold for up to {longest:?}"),
    ));
    found
}

/// The routes of one connection manager that are gated.
fn of_routes(manager: &Value, longest: Duration) -> Option<Finding> {
    let usual = span(&manager["stream_idle_timeout"]).unwrap_or(IDLE_TIMEOUT);
    let of = |route: &Value| span(&route["route"]["idle_timeout"]).unwrap_or(usual);
    let routes = objects(manager).into_iter().filter(|object| object.get("match").is_some());
    let gated = routes.filter(|route| !is_open(route));
    let shortest = gated.map(of).filter(|limit| !limit.is_zero()).min()?;
    Some(setting(
        "envoy.idle_timeout",
        shortest >= longest,
        "keeps silent requests for as long as rules hold",
        format!(
            "cuts silent requests after {shortest:?} (the route's idle_timeout, or stream_idle_timeout), and rules hold \
             for up to {longest:?}"
        ),
    ))
}

fn is_open(route: &Value) -> bool {
    objects(&route["typed_per_filter_config"])
        .iter()
        .any(|own| own["@type"] == PER_ROUTE && own["disabled"] == true)
}
