//! How a replica leaves.

use serde::Deserialize;

use super::Span;

/// How a replica leaves when it is told to (SIGTERM).
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShutdownConfig {
    /// How long everything is still served after health checks are told otherwise, until gateways have noticed.
    pub grace: Span<5>,
    /// How long parked calls may then go on waiting for their decision, while no new ones are taken.
    pub drain: Span<20>,
    /// How those are answered that still wait after that.
    pub parked: LeaveParked,
}

/// How calls are answered that are parked on a replica that leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LeaveParked {
    /// The agent reads that the approval is pending and is told to call again.
    #[default]
    Pending,
    /// The gateway gets the gRPC error UNAVAILABLE, and asks the next replica: only where it retries, and never where
    /// it lets requests through on errors (`failure_mode_allow`).
    Unavailable,
}
