//! What this service is about, without I/O, async, clock or wire format.

pub mod act;
pub mod approval;
pub mod audit;
pub mod authority;
pub mod call;
pub mod claim;
pub mod credential;
pub mod decision;
pub mod fingerprint;
pub mod ids;
pub mod json;
pub mod message;
pub mod outcome;
pub mod policy;
pub mod probe;
pub mod quorum;
pub mod redaction;
pub mod ruling;
#[doc(hidden)]
pub mod sample;
