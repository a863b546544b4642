//! More than one Redis: a primary with replicas and Sentinels, a cluster; and one with settings of its own.

mod cluster;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, cmd};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub use self::cluster::Cluster;
use super::authority::Authority;
use super::eventually::until;
use super::processes::{Running, free_port};

/// A server started with these arguments, killed when dropped.
pub struct Server {
    pub port: u16,
    tls: Option<Arc<Authority>>,
    running: Running,
}

impl Server {
    /// Starts one that persists nothing.
    pub async fn start(args: &[&str]) -> Self {
        Self::launch(args).answering().await
    }

    /// Starts one that speaks TLS alone.
    pub async fn start_with_tls(tls: &Arc<Authority>, args: &[&str]) -> Self {
        Self::launch_at(free_port(), Some(tls), args).answering().await
    }

    async fn answering(self) -> Self {
        let server = self;
        until("Redis answers", async || server.try_ask::<String>(&["PING"]).is_ok()).await;
        server
    }

    /// Starts one, and does not wait.
    pub fn launch(args: &[&str]) -> Self {
        Self::launch_at(free_port(), None, args)
    }

    /// Kills it and starts it anew at its place, without waiting.
    pub fn relaunch(self, args: &[&str]) -> Self {
        let Self { port, tls, running } = self;
        drop(running);
        Self::launch_at(port, tls.as_ref(), args)
    }

    fn launch_at(port: u16, tls: Option<&Arc<Authority>>, args: &[&str]) -> Self {
        let common = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        let place = settings(port, tls.map(Arc::as_ref));
        let all = place.into_iter().flat_map(|(name, value)| [format!("--{name}"), value]);
        let all = all.chain(common.iter().chain(args).map(ToString::to_string));
        let running = Running::start("redis-server", Path::new("redis-server"), all);
        Self { port, tls: tls.cloned(), running }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Asks it something.
    pub fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_ask(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    pub fn try_ask<T: FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let mut connection = connect(self.port, self.tls.as_deref(), "")?;
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
    tls: Option<Arc<Authority>>,
    /// Of the default user, with its `@`; empty where none is asked for.
    login: &'static str,
    _folder: TempDir,
}

impl Sentinels {
    pub async fn start() -> Self {
        Self::set_up(None, "", "").await
    }

    /// All of them speak TLS alone.
    pub async fn start_with_tls(tls: &Arc<Authority>) -> Self {
        Self::set_up(Some(tls), "", "").await
    }

    /// The Sentinels, not the servers, ask for a password; and one user is known to them.
    pub async fn start_with_logins(user: &str) -> Self {
        Self::set_up(None, ":theirs@", &format!("requirepass theirs\nuser {user}\n")).await
    }

    async fn set_up(tls: Option<&Arc<Authority>>, login: &'static str, lines: &str) -> Self {
        let servers = replicated(2, tls).await;
        let folder = tempfile::tempdir().expect("a folder");
        let primary = servers[0].port;
        let sentinels: Vec<_> = (0..3)
            .map(|n| {
                let (port, file) = (free_port(), folder.path().join(format!("{n}.conf")));
                let place = settings(port, tls.map(Arc::as_ref)).into_iter();
                // A Sentinel is in no cluster.
                let place = place.filter(|(name, _)| *name != "tls-cluster");
                let place: String = place.map(|(name, value)| format!("{name} {value}\n")).collect();
                let lines = format!(
                    "{place}{lines}bind 127.0.0.1\nsentinel monitor main 127.0.0.1 {primary} 2\n\
                     sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 6000\n"
                );
                std::fs::write(&file, lines).expect("a configuration");
                let args = [file.as_os_str(), "--sentinel".as_ref()];
                (port, Running::start("sentinel", Path::new("redis-server"), args))
            })
            .collect();
        let all = Self { servers, sentinels, tls: tls.cloned(), login, _folder: folder };
        until("the Sentinels know each other", async || {
            (0..3).all(|n| {
                let seen = all.ask::<Vec<redis::Value>>(n, &["SENTINEL", "SENTINELS", "main"]);
                let replicas = all.ask::<Vec<redis::Value>>(n, &["SENTINEL", "REPLICAS", "main"]);
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
        let at: (String, u16) = self.ask(0, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"]).unwrap();
        self.servers.iter().find(|server| server.port == at.1).expect("it is one of ours")
    }

    /// A planned failover.
    pub async fn fail_over(&self) {
        until("a failover begins", async || self.ask::<String>(0, &["SENTINEL", "FAILOVER", "main"]).is_ok())
            .await;
    }

    fn ask<T: FromRedisValue>(&self, sentinel: usize, words: &[&str]) -> redis::RedisResult<T> {
        let mut connection = connect(self.sentinels[sentinel].0, self.tls.as_deref(), self.login)?;
        cmd(words[0]).arg(&words[1..]).query(&mut connection)
    }
}

/// A primary, first, and its replicas.
pub async fn with_replicas(replicas: usize) -> Vec<Server> {
    replicated(replicas, None).await
}

async fn replicated(replicas: usize, tls: Option<&Arc<Authority>>) -> Vec<Server> {
    let launch = |args: &[&str]| Server::launch_at(free_port(), tls, args);
    let primary = launch(&["--repl-diskless-sync-delay", "0"]).answering().await;
    let port = primary.port.to_string();
    let mut servers = vec![primary];
    servers.extend((0..replicas).map(|_| launch(&["--replicaof", "127.0.0.1", &port])));
    let all = replicas.to_string();
    // What a replica says of itself comes up to a second before its primary hears it.
    until("the replicas follow", async || servers[0].ask::<usize>(&["WAIT", &all, "1000"]) == replicas).await;
    servers
}

/// Where a server listens, and how.
fn settings(port: u16, tls: Option<&Authority>) -> Vec<(&'static str, String)> {
    tls.map_or_else(|| vec![("port", port.to_string())], |tls| tls.settings(port))
}

fn connect(port: u16, tls: Option<&Authority>, login: &str) -> redis::RedisResult<redis::Connection> {
    let place = format!("{login}127.0.0.1:{port}");
    let client = match tls {
        Some(tls) => redis::Client::build_with_tls(format!("rediss://{place}"), tls.certificates())?,
        None => redis::Client::open(format!("redis://{place}"))?,
    };
    client.get_connection_with_timeout(Duration::from_secs(1))
}
