//! What the tests stand on.

pub mod eventually;
pub mod processes;
