//! The one integration binary: real processes, real Redis, real gateways.

mod ext_authz_listener;
mod wire;
