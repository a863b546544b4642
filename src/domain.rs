//! What this service is about, without I/O, async, clock or wire format.

pub mod json;
pub mod message;
