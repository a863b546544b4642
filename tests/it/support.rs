//! What the tests stand on.

pub mod eventually;
pub mod faults;
pub mod processes;
pub mod redis_topologies;
pub mod replica;
pub mod world;
