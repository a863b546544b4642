//! The three shapes of Redis: a server, a primary that Sentinels name, a cluster.

use std::collections::HashMap;
use std::time::Duration;

use deadpool_redis::{Manager, Pool, Runtime};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, ProtocolVersion, PushInfo,
    RedisError, RedisResult, TlsCertificates, Value, cmd,
};

use super::connection::Lost;
use super::fitness::Unfit;
use super::lines::Lines;
use super::settings::tcp;

/// How often a cluster's command that met a moved slot or a lost node is sent again, within its time limit.
const CLUSTER_RETRIES: u32 = 4;

/// Where Redis is.
#[derive(Clone)]
pub(super) enum Shape {
    /// At this address.
    One(ConnectionInfo),
    /// Where the Sentinels say.
    Sentinel {
        sentinels: Vec<ConnectionInfo>,
        /// The name by which they know it.
        master: String,
    },
    /// Wherever these nodes say.
    Cluster(Vec<ConnectionInfo>),
}

/// Where Redis is, and how to connect.
#[derive(Clone)]
pub(super) struct Topology {
    pub(super) shape: Shape,
    /// Of every server: user, password, TLS. Only its address is another.
    pub(super) like: ConnectionInfo,
    pub(super) certificates: Option<TlsCertificates>,
    pub(super) timeout: Duration,
    pub(super) pool_size: usize,
}

impl Topology {
    /// Connects; `pushed` is told messages and the loss of the connection.
    pub(super) async fn connect(&self, pushed: impl AsyncPushSender + Clone) -> RedisResult<Lines> {
        match &self.shape {
            Shape::One(address) => self.one(address.clone(), pushed).await,
            Shape::Sentinel { .. } => {
                let (host, port) = self.primary().await?;
                let address = self.like.clone().set_addr(moved(self.like.addr(), host, port));
                self.one(address, pushed).await
            }
            Shape::Cluster(nodes) => Ok(Lines::Cluster {
                shared: self.cluster(nodes, |_: PushInfo| Ok::<_, redis::aio::SendError>(())).await?,
                slow: self.cluster(nodes, |_: PushInfo| Ok::<_, redis::aio::SendError>(())).await?,
                ears: self.cluster(nodes, pushed).await?,
            }),
        }
    }

    async fn one(&self, address: ConnectionInfo, pushed: impl AsyncPushSender) -> RedisResult<Lines> {
        let client = Client::open(address.clone())?;
        let config = self.config().set_pipeline_buffer_size(1024).set_push_sender(pushed);
        let shared = client.get_multiplexed_async_connection_with_config(&config).await?;
        let at = place(address.addr());
        Ok(Lines::One { shared, pool: self.pool(address)?, at })
    }

    fn config(&self) -> AsyncConnectionConfig {
        let limit = Some(self.timeout);
        AsyncConnectionConfig::new().set_connection_timeout(limit).set_response_timeout(limit)
    }

    fn pool(&self, address: ConnectionInfo) -> RedisResult<Pool> {
        let limit = Some(self.timeout);
        let pool = Pool::builder(Manager::new_with_config(address, self.config())?)
            .max_size(self.pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(limit)
            .create_timeout(limit)
            .recycle_timeout(limit)
            .build();
        Ok(pool.expect("a pool with timeouts has a runtime"))
    }

    async fn cluster(
        &self,
        nodes: &[ConnectionInfo],
        pushed: impl AsyncPushSender,
    ) -> RedisResult<ClusterConnection> {
        let mut builder: ClusterClientBuilder = ClusterClient::builder(nodes.to_vec())
            .use_protocol(ProtocolVersion::RESP3)
            .tcp_settings(tcp())
            .connection_timeout(self.timeout)
            .response_timeout(self.timeout)
            .retries(CLUSTER_RETRIES)
            .push_sender(pushed);
        if let Some(certificates) = &self.certificates {
            builder = builder.certs(certificates.clone());
        }
        let client = builder.build()?;
        let connected = tokio::time::timeout(2 * self.timeout, client.get_async_connection()).await;
        connected.unwrap_or_else(|_| Err(RedisError::from((ErrorKind::Io, "no cluster answers in time"))))
    }

    /// Makes sure that these lines still lead to where they should.
    pub(super) async fn verify(&self, lines: &Lines) -> Result<(), Lost> {
        match lines {
            Lines::One { shared, at, .. } => {
                if !is_primary(shared.clone()).await? {
                    return Err(Unfit::Replica.into());
                }
                // The old primary may be cut off from the others and not know yet. No answer says nothing.
                if let Shape::Sentinel { .. } = self.shape
                    && let Ok(named) = self.primary().await
                    && named != *at
                {
                    return Err(Lost::Failover);
                }
                Ok(())
            }
            Lines::Cluster { shared, ears, .. } => {
                for connection in [shared, ears] {
                    cmd("PING").exec_async(&mut connection.clone()).await?;
                }
                Ok(())
            }
        }
    }

    /// The primary that most Sentinels name.
    async fn primary(&self) -> RedisResult<(String, u16)> {
        let Shape::Sentinel { sentinels, master } = &self.shape else {
            return Ok(place(self.like.addr()));
        };
        let mut answers: FuturesUnordered<_> =
            sentinels.iter().map(|sentinel| self.ask(sentinel, master)).collect();
        let mut named: HashMap<(String, u16), usize> = HashMap::new();
        let mut failed = RedisError::from((ErrorKind::Io, "no Sentinel knows the primary"));
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(Some(primary)) => {
                    let times = named.entry(primary.clone()).or_default();
                    *times += 1;
                    if *times * 2 > sentinels.len() {
                        return Ok(primary);
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    failed =
                        RedisError::from((ErrorKind::Io, "no Sentinel names the primary", error.to_string()));
                }
            }
        }
        named.into_iter().max_by_key(|(_, times)| *times).map(|(primary, _)| primary).ok_or(failed)
    }

    async fn ask(&self, sentinel: &ConnectionInfo, master: &str) -> RedisResult<Option<(String, u16)>> {
        let client = Client::open(sentinel.clone())?;
        let mut connection = client.get_multiplexed_async_connection_with_config(&self.config()).await?;
        cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(master).query_async(&mut connection).await
    }
}

async fn is_primary(mut connection: MultiplexedConnection) -> RedisResult<bool> {
    let role: Vec<Value> = cmd("ROLE").query_async(&mut connection).await?;
    Ok(role.first().is_some_and(|role| matches!(role, Value::BulkString(word) if word == b"master")))
}

/// The same kind of address elsewhere.
fn moved(like: &ConnectionAddr, host: String, port: u16) -> ConnectionAddr {
    match like.clone() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host, port, insecure, tls_params }
        }
        _ => ConnectionAddr::Tcp(host, port),
    }
}

fn place(address: &ConnectionAddr) -> (String, u16) {
    match address {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => (host.clone(), *port),
        other => (other.to_string(), 0),
    }
}
