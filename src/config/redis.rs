//! The Redis that all replicas share.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Span;

/// The Redis that all replicas share.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// One server, Sentinels or a cluster, with or without TLS: see [redis.md](redis.md).
    pub url: String,
    /// A file of certificates (PEM) to believe instead of the public authorities.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// What is shown to servers that ask who connects.
    #[serde(default)]
    pub client_certificate: Option<ClientCertificate>,
    /// What every key and channel begins with: 1 to 64 characters out of `a-z A-Z 0-9 - _ . :`. Several installations
    /// can share a Redis.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// How long one command may take.
    #[serde(default)]
    pub command_timeout: Span<1>,
    /// Connections for lists and sweeps; everything else shares one.
    #[serde(default = "default_pool_size")]
    pub pool_size: usize,
    /// How many replicas should have a decision before the reviewer is told that it is recorded, and a release before
    /// the call goes on.
    #[serde(default)]
    pub wait_replicas: u32,
    /// How long to wait for them: 500 ms where nothing is set, and shorter than `command_timeout`. The decision stands in any case.
    #[serde(default)]
    pub wait_timeout: Option<Span<1>>,
}

/// A certificate that a server checks, with its key.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// The certificate (PEM), and those between it and its authority.
    pub cert_file: PathBuf,
    /// Its private key (PEM).
    pub key_file: PathBuf,
}

impl RedisConfig {
    /// The Redis at this address, everything else by default.
    pub fn at(url: String) -> Self {
        Self {
            url,
            ca_file: None,
            client_certificate: None,
            prefix: default_prefix(),
            command_timeout: Span::default(),
            pool_size: default_pool_size(),
            wait_replicas: 0,
            wait_timeout: None,
        }
    }
}

fn default_prefix() -> String {
    "holdpoint".to_owned()
}

fn default_pool_size() -> usize {
    4
}
