//! The one integration binary: real processes, real Redis, real gateways.

mod e2e_processes;
mod ext_authz_listener;
mod support;
mod wire;
