//! What the tests stand on.

pub mod authority;
pub mod browser;
pub mod eventually;
pub mod faults;
pub mod gateway;
pub mod network;
pub mod otlp;
pub mod processes;
pub mod redis_topologies;
// One bad network for the tests and for the long run.
#[path = "../../loadtest/src/chaos/proxy.rs"]
pub mod proxy;
pub mod replica;
pub mod world;
