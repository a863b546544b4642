//! The Redis that all replicas share.

use serde::Deserialize;

use super::Span;

/// The Redis that all replicas share.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// `redis://[user:password@]host:port[/db]`.
    pub url: String,
    /// What every key and channel begins with; several installations can share a Redis.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// How long one command may take.
    #[serde(default)]
    pub command_timeout: Span<1>,
    /// Connections for lists; everything else shares one.
    #[serde(default = "default_pool_size")]
    pub pool_size: usize,
}

impl RedisConfig {
    /// The Redis at this address, everything else by default.
    pub fn at(url: String) -> Self {
        Self {
            url,
            prefix: default_prefix(),
            command_timeout: Span::default(),
            pool_size: default_pool_size(),
        }
    }
}

fn default_prefix() -> String {
    "holdpoint".to_owned()
}

fn default_pool_size() -> usize {
    4
}
