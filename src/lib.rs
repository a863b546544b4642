//! Human approval for MCP tool calls, enforced at the gateway.

pub mod approvals;
pub mod cli;
pub mod clock;
pub mod domain;
pub mod ext_authz;
pub mod store;
