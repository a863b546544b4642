//! Human approval for MCP tool calls, enforced at the gateway.

pub mod domain;
pub mod ext_authz;
