//! Whether a Redis is one to keep approvals in.

use std::collections::HashMap;

use redis::{RedisResult, cmd};

use super::lines::Connection;

/// Scripts with flags, and sharded messages, came with it.
const OLDEST: (u32, u32) = (7, 0);

/// Why approvals are not kept in a Redis that can be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It lacks what the store needs.
    #[error("this Redis is version {0}; 7.0 or newer is needed")]
    TooOld(String),
    /// It throws keys away when its memory is full.
    #[error("this Redis would throw approvals away: its maxmemory-policy is {0}, it has to be noeviction")]
    Evicts(String),
    /// It is the copy of another.
    #[error("this Redis is a replica, the store needs the primary")]
    Replica,
}

/// What is known of a Redis that is fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fit {
    /// Whether it would come back from a restart with what was written; none where it does not say.
    pub(super) persists: Option<bool>,
}

/// Asks every primary behind this connection.
pub(super) async fn examine(connection: &mut Connection) -> RedisResult<Result<Fit, Unfit>> {
    let texts = info(connection).await?;
    let mut writes_log = true;
    for text in &texts {
        match assess(text) {
            Ok(aof) => writes_log &= aof,
            Err(unfit) => return Ok(Err(unfit)),
        }
    }
    let persists = if writes_log { Some(true) } else { snapshots(connection).await };
    Ok(Ok(Fit { persists }))
}

/// What every primary behind this connection says of itself.
pub(super) async fn info(connection: &mut Connection) -> RedisResult<Vec<String>> {
    let info = cmd("INFO");
    Ok(match connection {
        Connection::Cluster(_) => {
            info.query_async::<HashMap<String, String>>(connection).await?.into_values().collect()
        }
        _ => vec![info.query_async(connection).await?],
    })
}

/// One field of what `INFO` says; empty where it is not there.
pub(super) fn field<'a>(info: &'a str, name: &str) -> &'a str {
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().trim()
}

/// Whether it writes snapshots; `CONFIG` may well be forbidden.
async fn snapshots(connection: &mut Connection) -> Option<bool> {
    let save = cmd("CONFIG").arg("GET").arg("save").query_async::<HashMap<String, String>>(connection).await;
    save.ok()?.get("save").map(|points| !points.is_empty())
}

/// Judges what `INFO` says; returns whether it keeps an append-only file.
fn assess(info: &str) -> Result<bool, Unfit> {
    let field = |name| field(info, name);
    let version = field("redis_version");
    let mut numbers = version.split('.').map_while(|number| number.parse().ok());
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST {
        return Err(Unfit::TooOld(version.to_owned()));
    }
    if field("role") != "master" {
        return Err(Unfit::Replica);
    }
    match field("maxmemory_policy") {
        "noeviction" => Ok(field("aof_enabled") == "1"),
        policy => Err(Unfit::Evicts(policy.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(version: &str, policy: &str, role: &str, aof: &str) -> String {
        format!(
            "# Server\r\nredis_version:{version}\r\n# Memory\r\nmaxmemory_policy:{policy}\r\n\
             # Persistence\r\naof_enabled:{aof}\r\n# Replication\r\nrole:{role}\r\n"
        )
    }

    #[test]
    fn a_redis_of_7_that_evicts_nothing_is_fit() {
        assert_eq!(assess(&info("7.0.15", "noeviction", "master", "1")), Ok(true));
        assert_eq!(assess(&info("10.2", "noeviction", "master", "0")), Ok(false));
    }

    #[test]
    fn an_old_or_unknown_redis_is_unfit() {
        for version in ["6.2.14", "2.8", "", "seven"] {
            let found = assess(&info(version, "noeviction", "master", "1"));
            assert_eq!(found, Err(Unfit::TooOld(version.to_owned())), "{version}");
        }
    }

    #[test]
    fn a_redis_that_evicts_is_unfit() {
        for policy in ["allkeys-lru", "volatile-ttl", ""] {
            let found = assess(&info("7.2.4", policy, "master", "1"));
            assert_eq!(found, Err(Unfit::Evicts(policy.to_owned())), "{policy}");
        }
    }

    #[test]
    fn a_replica_is_unfit() {
        assert_eq!(assess(&info("7.2.4", "noeviction", "slave", "1")), Err(Unfit::Replica));
    }
}
