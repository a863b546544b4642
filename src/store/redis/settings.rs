//! Where Redis is, and how it is used.

use std::time::Duration;

use deadpool_redis::{Manager, Pool, Runtime};
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};

/// Where Redis is, and how it is used.
#[derive(Clone)]
pub struct Settings {
    /// `redis://[user:password@]host[:port][/database]`
    pub url: String,
    /// What all keys and channels begin with.
    pub prefix: String,
    /// How long to wait for the answer to one command.
    pub command_timeout: Duration,
    /// How many connections lists and sweeps may use.
    pub pool_size: usize,
}

impl Default for Settings {
    /// A Redis on this machine, prefix `holdpoint`, 1 s, 4 connections.
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".into(),
            prefix: "holdpoint".into(),
            command_timeout: Duration::from_secs(1),
            pool_size: 4,
        }
    }
}

/// Why a store cannot be started with these settings. The URL is not repeated: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    /// Not a URL of a Redis.
    #[error("the Redis URL is not understood: {0}")]
    Url(String),
    /// A prefix that would break the names of keys.
    #[error("the Redis prefix must be 1 to 64 characters out of a-z, A-Z, 0-9, '-', '_', '.' and ':'")]
    Prefix,
    /// No connections at all.
    #[error("the Redis pool needs at least one connection")]
    PoolSize,
}

impl Settings {
    /// Where to connect.
    pub(super) fn address(&self) -> Result<ConnectionInfo, InvalidSettings> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        if self.prefix.is_empty() || self.prefix.len() > 64 || !self.prefix.chars().all(plain) {
            return Err(InvalidSettings::Prefix);
        }
        let address = self.url.as_str().into_connection_info();
        let address = address.map_err(|e| InvalidSettings::Url(e.to_string()))?;
        // Messages come over the connection of the commands, which takes RESP3.
        let redis = address.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let tcp = TcpSettings::default().set_nodelay(true);
        Ok(address.set_redis_settings(redis).set_tcp_settings(tcp))
    }

    /// Connections beside the one for commands and messages.
    pub(super) fn pool(&self, address: ConnectionInfo) -> Result<Pool, InvalidSettings> {
        if self.pool_size == 0 {
            return Err(InvalidSettings::PoolSize);
        }
        let limit = Some(self.command_timeout);
        let config = AsyncConnectionConfig::new().set_connection_timeout(limit).set_response_timeout(limit);
        let manager = Manager::new_with_config(address, config);
        let manager = manager.map_err(|e| InvalidSettings::Url(e.to_string()))?;
        let pool = Pool::builder(manager)
            .max_size(self.pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(limit)
            .create_timeout(limit)
            .recycle_timeout(limit)
            .build();
        Ok(pool.expect("a pool with timeouts has a runtime"))
    }
}
