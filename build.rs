//! Compiles `proto/` without `protoc`.

use std::{env, fs, path::PathBuf};

use protox::prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = protox::compile(["envoy/service/auth/v3/external_auth.proto"], ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), files.encode_to_vec())?;
    tonic_prost_build::configure()
        .btree_map(".")
        // `connect()` needs tonic's client transport, which the server does without.
        .build_transport(false)
        .include_file("proto.rs")
        .compile_fds(files)?;
    Ok(())
}
