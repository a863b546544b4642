//! What the gateway sees: the Envoy ext_authz v3 `Check`.

pub mod listener;
pub mod mcp;
pub mod proto;
pub mod request;
