//! How a replica leaves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// How a replica leaves when it is told to (SIGTERM).
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ShutdownConfig {
    /// How long everything is still served, until gateways have noticed.
    pub grace: Span<5>,
    /// How long parked calls may go on waiting while no new ones are taken.
    pub drain: Span<20>,
    /// How those are answered that still wait: `pending` tells the agent to call again; `unavailable` is the gRPC
    /// error UNAVAILABLE, on which a gateway with a retry policy asks the next replica. Never with a gateway that
    /// lets requests through on errors.
    pub parked: LeaveParked,
}

/// How calls are answered that are parked on a replica that leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LeaveParked {
    /// The agent reads that the approval is pending and is told to call again.
    #[default]
    Pending,
    /// The gateway gets the gRPC error UNAVAILABLE, and asks the next replica: only where it retries, and never where
    /// it lets requests through on errors (`failure_mode_allow`).
    Unavailable,
}
