//! Whether replicas have a vote.

use std::time::Duration;

use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{RedisResult, cmd, from_redis_value};

use super::lines::Connection;
use super::record::millis;

/// How many replicas should have a vote, and how long to wait for them.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) replicas: u32,
    pub(super) within: Duration,
}

impl Wanted {
    /// Whether so many replicas have all that was written when this connection last answered, where `key` is.
    pub(super) async fn are_there(self, connection: &mut Connection, key: &str) -> RedisResult<bool> {
        let mut wait = cmd("WAIT");
        wait.arg(self.replicas).arg(millis(self.within));
        let have: u32 = match connection {
            // Left to itself the crate would ask every node.
            Connection::Cluster(cluster) => {
                let node =
                    SingleNodeRoutingInfo::SpecificNode(Route::with_key(key.as_bytes(), SlotAddr::Master));
                from_redis_value(cluster.route_command(wait, RoutingInfo::SingleNode(node)).await?)?
            }
            one => wait.query_async(one).await?,
        };
        Ok(have >= self.replicas)
    }
}
