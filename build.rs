//! Compiles `proto/` without `protoc`, and tells the program which commit it is built from.

use std::{env, fs, path::PathBuf};

use protox::prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    // Whoever builds a release says which commit it is: asking git here would be stale after the next commit.
    println!("cargo:rerun-if-env-changed=HOLDPOINT_COMMIT");
    let commit = env::var("HOLDPOINT_COMMIT").unwrap_or_else(|_| "unreleased".to_owned());
    println!("cargo:rustc-env=HOLDPOINT_VERSION={} ({commit})", env::var("CARGO_PKG_VERSION")?);
    let files = protox::compile(["envoy/service/auth/v3/external_auth.proto"], ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), files.encode_to_vec())?;
    tonic_prost_build::configure()
        .btree_map(".")
        // A Check that waits keeps room for its request in several futures: for a pointer each, not for a kilobyte.
        .boxed(".envoy.service.auth.v3.CheckRequest.attributes")
        // `connect()` needs tonic's client transport, which the server does without.
        .build_transport(false)
        .include_file("proto.rs")
        .compile_fds(files)?;
    Ok(())
}
