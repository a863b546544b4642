//! What the tests stand on.

pub mod eventually;
pub mod faults;
pub mod gateway;
pub mod network;
pub mod processes;
pub mod redis_topologies;
// One bad network for the tests and for the long run.
#[path = "../../loadtest/src/chaos/proxy.rs"]
pub mod proxy;
pub mod replica;
pub mod world;
