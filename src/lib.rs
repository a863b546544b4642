//! Human approval for MCP tool calls, enforced at the gateway.

pub mod admin;
pub mod approvals;
pub mod clock;
pub mod config;
pub mod domain;
pub mod ext_authz;
pub mod store;
pub mod telemetry;
