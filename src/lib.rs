//! Human approval for MCP tool calls, enforced at the gateway.
