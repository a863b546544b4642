//! The messages of `proto/`, generated at build time, and both ends of the service.
#![allow(missing_docs, clippy::all)]

pub use envoy::{config::core::v3::*, service::auth::v3::*, r#type::v3::*};
pub use google::rpc::Status;

include!(concat!(env!("OUT_DIR"), "/proto.rs"));

/// What server reflection tells of these files.
pub const FILE_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
