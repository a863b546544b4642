//! The one integration binary: real processes, real Redis, real gateways.

mod admin;
mod agreement;
mod architecture;
mod check;
mod cli;
mod deploy;
mod docs;
mod doctor;
mod e2e_processes;
mod ext_authz_listener;
mod hold;
mod model;
mod outage;
mod page;
mod redis_shapes;
mod sign_in;
mod store;
mod store_redis;
mod story;
mod support;
mod telemetry;
mod wire;
