//! The one integration binary: real processes, real Redis, real gateways.

mod store;
mod store_redis;
mod support;
