//! The one integration binary: real processes, real Redis, real gateways.

mod admin;
mod architecture;
mod cli;
mod docs;
mod e2e_processes;
mod ext_authz_listener;
mod hold;
mod redis_shapes;
mod store;
mod store_redis;
mod support;
mod wire;
