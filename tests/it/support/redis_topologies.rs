//! More than one Redis: a primary with replicas and Sentinels, a cluster; and one with settings of its own.

use std::path::Path;
use std::time::Duration;

use redis::{FromRedisValue, cmd};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::eventually::until;
use super::processes::{Running, free_port};

/// A server started with these arguments, killed when dropped.
pub struct Server {
    pub port: u16,
    running: Running,
}

impl Server {
    /// Starts one that persists nothing.
    pub async fn start(args: &[&str]) -> Self {
        let server = Self::launch(args);
        until("Redis answers", async || server.try_ask::<String>(&["PING"]).is_ok()).await;
        server
    }

    /// Starts one, and does not wait.
    pub fn launch(args: &[&str]) -> Self {
        let port = free_port();
        let text = port.to_string();
        let common = ["--port", &text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        let running = Running::start("redis-server", Path::new("redis-server"), common.iter().chain(args));
        Self { port, running }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Asks it something.
    pub fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_ask(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    pub fn try_ask<T: FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_connection_with_timeout(Duration::from_secs(1))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        cmd(words[0]).arg(&words[1..]).query(&mut connection)
    }

    /// Kills it as a crash would.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Stops it from running, as a machine that hangs, until [`Server::thaw`].
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.running.pid()).expect("a pid is not zero");
        kill_process(pid, signal).expect("it runs");
    }
}

/// A primary with two replicas, watched by three Sentinels.
pub struct Sentinels {
    pub servers: Vec<Server>,
    sentinels: Vec<(u16, Running)>,
    _folder: TempDir,
}

impl Sentinels {
    pub async fn start() -> Self {
        let servers = with_replicas(2).await;
        let folder = tempfile::tempdir().expect("a folder");
        let primary = servers[0].port;
        let sentinels: Vec<_> = (0..3)
            .map(|n| {
                let (port, file) = (free_port(), folder.path().join(format!("{n}.conf")));
                let lines = format!(
                    "port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {primary} 2\n\
                     sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 6000\n"
                );
                std::fs::write(&file, lines).expect("a configuration");
                let args = [file.as_os_str(), "--sentinel".as_ref()];
                (port, Running::start("sentinel", Path::new("redis-server"), args))
            })
            .collect();
        let all = Self { servers, sentinels, _folder: folder };
        until("the Sentinels know each other", async || {
            all.sentinels.iter().all(|(port, _)| {
                let seen = ask_at::<Vec<redis::Value>>(*port, &["SENTINEL", "SENTINELS", "main"]);
                let replicas = ask_at::<Vec<redis::Value>>(*port, &["SENTINEL", "REPLICAS", "main"]);
                seen.is_ok_and(|seen| seen.len() == 2) && replicas.is_ok_and(|seen| seen.len() == 2)
            })
        })
        .await;
        all
    }

    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.sentinels.iter().map(|(port, _)| format!("127.0.0.1:{port}")).collect();
        format!("redis+sentinel://{}/main", hosts.join(","))
    }

    /// The primary, as the first Sentinel has it.
    pub fn primary(&self) -> &Server {
        let at: (String, u16) =
            ask_at(self.sentinels[0].0, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"]).unwrap();
        self.servers.iter().find(|server| server.port == at.1).expect("it is one of ours")
    }

    /// A planned failover.
    pub async fn fail_over(&self) {
        until("a failover begins", async || {
            ask_at::<String>(self.sentinels[0].0, &["SENTINEL", "FAILOVER", "main"]).is_ok()
        })
        .await;
    }
}

/// A primary, first, and its replicas.
pub async fn with_replicas(replicas: usize) -> Vec<Server> {
    let primary = Server::start(&["--repl-diskless-sync-delay", "0"]).await;
    let port = primary.port.to_string();
    let mut servers = vec![primary];
    servers.extend((0..replicas).map(|_| Server::launch(&["--replicaof", "127.0.0.1", &port])));
    let all = replicas.to_string();
    // What a replica says of itself comes up to a second before its primary hears it.
    until("the replicas follow", async || servers[0].ask::<usize>(&["WAIT", &all, "1000"]) == replicas).await;
    servers
}

fn ask_at<T: FromRedisValue>(port: u16, words: &[&str]) -> redis::RedisResult<T> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
    let mut connection = client.get_connection_with_timeout(Duration::from_secs(1))?;
    cmd(words[0]).arg(&words[1..]).query(&mut connection)
}

/// Three nodes that share the slots.
pub struct Cluster {
    pub nodes: Vec<Server>,
    buses: [String; 3],
}

impl Cluster {
    pub async fn start() -> Self {
        let bus = [free_port(), free_port(), free_port()].map(|port| port.to_string());
        let nodes: Vec<Server> = bus
            .iter()
            .map(|bus| {
                let args =
                    ["--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000"];
                Server::launch(&args)
            })
            .collect();
        until("the nodes answer", async || nodes.iter().all(|n| n.try_ask::<String>(&["PING"]).is_ok()))
            .await;
        let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
        let created = std::process::Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(addresses)
            .args(["--cluster-replicas", "0", "--cluster-yes"])
            .output()
            .expect("redis-cli is installed");
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
        let cluster = Self { nodes, buses: bus };
        until("the cluster is whole", async || {
            cluster
                .nodes
                .iter()
                .all(|node| node.ask::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok"))
        })
        .await;
        cluster
    }

    pub fn url(&self) -> String {
        // One is enough to find the others.
        format!("redis+cluster://127.0.0.1:{}", self.nodes[0].port)
    }

    /// Which node holds a queue's slot.
    pub fn holder_of(&self, queue: &str) -> &Server {
        let port = self.slot_map(self.slot(queue));
        self.nodes.iter().find(|node| node.port == port).expect("it is one of ours")
    }

    fn slot(&self, queue: &str) -> u16 {
        self.nodes[0].ask(&["CLUSTER", "KEYSLOT", &format!("holdpoint:{{{queue}}}")])
    }

    fn slot_map(&self, slot: u16) -> u16 {
        // From, to, and the node: address, port and more.
        type Range = (u16, u16, Vec<redis::Value>);
        let ranges: Vec<Range> = self.nodes[0].ask(&["CLUSTER", "SLOTS"]);
        let range = ranges.into_iter().find(|(from, to, _)| (*from..=*to).contains(&slot)).unwrap();
        redis::from_redis_value_ref(&range.2[1]).unwrap()
    }

    /// A replica of the node that holds a queue's slot.
    pub async fn add_replica_of(&self, queue: &str) -> Server {
        let node = self.holder_of(queue);
        let bus = free_port().to_string();
        let copy = Server::start(&["--cluster-enabled", "yes", "--cluster-port", &bus]).await;
        let (port, id) = (node.port.to_string(), node.ask::<String>(&["CLUSTER", "MYID"]));
        let node_bus = self.bus_of(node);
        copy.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, &node_bus]);
        until("the node is known", async || copy.try_ask::<()>(&["CLUSTER", "REPLICATE", &id]).is_ok()).await;
        copy
    }

    fn bus_of(&self, node: &Server) -> String {
        let at = self.nodes.iter().position(|other| other.port == node.port).expect("it is one of ours");
        self.buses[at].clone()
    }

    /// Moves a queue's slot, with all that is in it, to another node.
    pub fn move_slot(&self, queue: &str, to: &Server) {
        let (slot, from) = (self.slot(queue).to_string(), self.holder_of(queue));
        let id = |node: &Server| node.ask::<String>(&["CLUSTER", "MYID"]);
        let (from_id, to_id) = (id(from), id(to));
        to.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
        from.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
        loop {
            let keys: Vec<String> = from.ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
            if keys.is_empty() {
                break;
            }
            let port = to.port.to_string();
            let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            words.extend(keys.iter().map(String::as_str));
            from.ask::<()>(&words);
        }
        for node in [to, from].into_iter().chain(&self.nodes) {
            node.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
        }
    }
}
