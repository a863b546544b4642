//! The one integration binary: real processes, real Redis, real gateways.

mod architecture;
mod cli;
mod e2e_processes;
mod ext_authz_listener;
mod hold;
mod redis_shapes;
mod store;
mod store_redis;
mod support;
mod wire;
