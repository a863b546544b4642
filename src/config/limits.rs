//! How many approvals may be open at a time.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Span;
use crate::domain::ruling::Caps;

/// How many approvals may be open at a time. A call beyond is denied with the reason `queue_full`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Open approvals of one caller in one queue.
    pub per_caller: u32,
    /// Open approvals in one queue.
    pub per_queue: u32,
    /// Open approvals in all queues. Counted once a second, so a burst may pass it by what arrives in that time.
    pub total: u32,
    /// For how long an approval may be open in all, once a person extends it.
    pub longest_open: Span<86_400>,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { per_caller: 1_000, per_queue: 10_000, total: 100_000, longest_open: Span::default() }
    }
}

impl From<LimitsConfig> for Caps {
    fn from(limits: LimitsConfig) -> Self {
        Self { caller: limits.per_caller, queue: limits.per_queue, total: limits.total }
    }
}
