//! The Redis that all replicas share.

use std::path::PathBuf;

use serde::Deserialize;

use super::Span;

/// The Redis that all replicas share.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// `redis://[user:password@]host[:port][/db]`,
    /// `redis+sentinel://[user:password@]host[:port],…/master[?sentinel_login=[user]:password]` or
    /// `redis+cluster://[user:password@]host[:port],…`; with `rediss` instead of `redis` for TLS.
    pub url: String,
    /// A file of certificates (PEM) to believe instead of the public ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// What is shown to servers that ask who connects.
    #[serde(default)]
    pub client_certificate: Option<ClientCertificate>,
    /// What every key and channel begins with; several installations can share a Redis.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// How long one command may take.
    #[serde(default)]
    pub command_timeout: Span<1>,
    /// Connections for lists; everything else shares one.
    #[serde(default = "default_pool_size")]
    pub pool_size: usize,
    /// How many replicas should have a decision before the reviewer is told so.
    #[serde(default)]
    pub wait_replicas: u32,
    /// How long to wait for them, by default 500 ms. The decision stands also without them.
    #[serde(default)]
    pub wait_timeout: Option<Span<1>>,
}

/// A certificate that a server checks, with its key.
#[derive(Debug, Clone, Deserialize)]
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
