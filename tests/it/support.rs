//! What tests start and wait for.

pub mod redis_server;
pub mod wait;
