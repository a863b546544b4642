//! The one integration binary: real processes, real Redis, real gateways.

mod admin;
mod architecture;
mod check;
mod cli;
mod docs;
mod e2e_processes;
mod ext_authz_listener;
mod hold;
mod outage;
mod store;
mod store_redis;
mod story;
mod support;
mod wire;
