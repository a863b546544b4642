//! What the gateway sees: the Envoy ext_authz v3 `Check`.

pub mod mcp;
pub mod request;
