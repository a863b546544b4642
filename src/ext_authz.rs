//! What the gateway sees: the Envoy ext_authz v3 `Check`.

pub mod canary;
mod check;
pub mod example;
mod identity;
pub mod listener;
pub mod mcp;
mod path;
pub mod proto;
pub mod request;
mod response;

pub use self::check::{Gate, Settings};
