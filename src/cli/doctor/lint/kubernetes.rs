//! An AgentgatewayPolicy.

use serde_json::Value;

use super::setting;
use crate::cli::doctor::finding::Finding;

/// Looks at a policy with an `extAuth`.
pub(super) fn findings(document: &Value) -> Vec<Finding> {
    let traffic = &document["spec"]["traffic"];
    let gate = &traffic["extAuth"];
    if document["kind"] != "AgentgatewayPolicy" || gate.is_null() {
        return Vec::new();
    }
    vec![
        setting(
            "agentgateway.failure",
            gate["failureMode"] != "FailOpen",
            "refuses when Holdpoint is away",
            "failureMode: FailOpen lets every request through when Holdpoint is away",
        ),
        setting(
            "agentgateway.body",
            !gate["forwardBody"]["maxSize"].is_null(),
            "shows bodies",
            "without forwardBody Holdpoint sees no body",
        ),
        setting(
            "agentgateway.grpc",
            !gate["grpc"].is_null(),
            "asks by gRPC",
            "without grpc any 2xx is taken for a yes, and Holdpoint's denials are 200",
        ),
        setting(
            "agentgateway.request_timeout",
            traffic["timeouts"]["request"].is_null(),
            "sets no time limit on gated requests",
            "timeouts.request counts the parked time: a call that is approved after it gets 504 and never runs",
        ),
    ]
}
