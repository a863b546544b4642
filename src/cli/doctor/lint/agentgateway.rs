//! The configuration of a standalone agentgateway.

use std::time::Duration;

use serde_json::Value;

use super::{objects, setting, span};
use crate::cli::doctor::finding::Finding;

/// Looks at every set of policies that has an `extAuthz`.
pub(super) fn findings(document: &Value, longest: Duration) -> Vec<Finding> {
    let gated = objects(document).into_iter().filter(|policies| policies.get("extAuthz").is_some());
    gated.flat_map(|policies| of_policies(policies, longest)).collect()
}

fn of_policies(policies: &Value, longest: Duration) -> Vec<Finding> {
    let gate = &policies["extAuthz"];
    let body = &gate["includeRequestBody"];
    let lasts = |limit: &Value| span(limit).is_none_or(|limit| limit >= longest);
    let mut found = vec![
        setting(
            "agentgateway.failure",
            gate["failureMode"] != "allow",
            "refuses when Holdpoint is away",
            "failureMode: allow lets every request through when Holdpoint is away",
        ),
        setting(
            "agentgateway.grpc",
            gate["protocol"]["http"].is_null(),
            "asks by gRPC",
            "protocol: http takes any 2xx for a yes, and Holdpoint's denials are 200: use grpc",
        ),
        setting(
            "agentgateway.body",
            body["maxRequestBytes"].as_u64().is_some_and(|bytes| bytes > 0),
            "shows bodies",
            "without includeRequestBody.maxRequestBytes Holdpoint sees no body",
        ),
        setting(
            "agentgateway.partial_bodies",
            body["allowPartialMessage"] != true,
            "refuses bodies that are too large",
            "allowPartialMessage: true cuts large bodies and forwards what is left to Holdpoint",
        ),
        setting(
            "agentgateway.exact_bytes",
            body["packAsBytes"] == true,
            "shows bodies as bytes",
            "without packAsBytes: true bodies are decoded before Holdpoint reads them",
        ),
        setting(
            "agentgateway.check_timeout",
            lasts(&gate["policies"]["http"]["requestTimeout"]),
            "waits for a Check longer than any rule holds",
            format!(
                "extAuthz.policies.http.requestTimeout ends a Check sooner than {longest:?}, which rules hold for"
            ),
        ),
        setting(
            "agentgateway.request_timeout",
            policies["timeout"]["requestTimeout"].is_null(),
            "sets no time limit on gated requests",
            "timeout.requestTimeout counts the parked time: a call that is approved after it gets 504 and never runs",
        ),
    ];
    if !gate["cache"].is_null() {
        found.push(Finding::failed(
            "agentgateway.cache",
            "extAuthz.cache replays an approval for other calls",
        ));
    }
    if !gate["conditional"].is_null() {
        let ill = "extAuthz.conditional opens the gate where its expression fails";
        found.push(Finding::failed("agentgateway.conditional", ill));
    }
    if let Some(login) = policies.get("jwtAuth") {
        let ill = "jwtAuth without mode: strict lets callers in that show no token";
        found.push(setting(
            "agentgateway.login",
            login["mode"] == "strict",
            "wants a token of every caller",
            ill,
        ));
    }
    let again = "agentgateway does not ask another replica when one dies: its callers get the failure answer, and call again";
    found.push(Finding::warning("agentgateway.retry", again));
    found
}
