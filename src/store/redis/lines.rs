//! What commands and messages go over, whatever the shape of Redis.

use deadpool_redis::Pool;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult, Value};

/// A connection to one server, a borrowed one, or one to each node of a cluster.
pub(super) enum Connection {
    One(MultiplexedConnection),
    Pooled(deadpool_redis::Connection),
    Cluster(ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(cmd),
            Self::Pooled(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Pooled(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            Self::Pooled(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

/// All connections of one store.
#[derive(Clone)]
pub(super) enum Lines {
    /// To one server.
    One {
        /// For commands that are answered at once, and for messages.
        shared: MultiplexedConnection,
        /// For what takes its time: nothing that is parked waits behind it.
        pool: Pool,
        /// Where the server is.
        at: (String, u16),
    },
    /// To the nodes of a cluster.
    Cluster {
        /// For commands that are answered at once.
        shared: ClusterConnection,
        /// For what takes its time.
        slow: ClusterConnection,
        /// For messages alone: when a slot moves, its old node ends the subscriptions unasked, and the crate takes
        /// that for the answer to whatever was asked last.
        ears: ClusterConnection,
    },
}

impl Lines {
    /// For a command that is answered at once.
    pub(super) fn shared(&self) -> Connection {
        match self {
            Self::One { shared, .. } => Connection::One(shared.clone()),
            Self::Cluster { shared, .. } => Connection::Cluster(shared.clone()),
        }
    }

    /// For what takes its time.
    pub(super) async fn slow(&self) -> RedisResult<Connection> {
        match self {
            Self::One { pool, .. } => pool.get().await.map(Connection::Pooled).map_err(|error| {
                RedisError::from((ErrorKind::Io, "no connection from the pool", error.to_string()))
            }),
            Self::Cluster { slow, .. } => Ok(Connection::Cluster(slow.clone())),
        }
    }

    /// Subscribes to channels; those of one queue have to stand together.
    pub(super) async fn subscribe(&self, channels: &[String]) -> RedisResult<()> {
        match self {
            Self::One { shared, .. } => shared.clone().subscribe(channels).await,
            Self::Cluster { ears, .. } => {
                for of_one_slot in channels.chunk_by(same_slot) {
                    ears.clone().ssubscribe(of_one_slot).await?;
                }
                Ok(())
            }
        }
    }

    /// Ends subscriptions; the channels of one queue have to stand together.
    pub(super) async fn unsubscribe(&self, channels: &[String]) -> RedisResult<()> {
        match self {
            Self::One { shared, .. } => shared.clone().unsubscribe(channels).await,
            Self::Cluster { ears, .. } => {
                for of_one_slot in channels.chunk_by(same_slot) {
                    ears.clone().sunsubscribe(of_one_slot).await?;
                }
                Ok(())
            }
        }
    }
}

/// Whether two channels are of the same queue.
fn same_slot(a: &String, b: &String) -> bool {
    let queue = |channel: &String| channel.find('}').map(|end| channel[..end].to_owned());
    queue(a) == queue(b)
}
