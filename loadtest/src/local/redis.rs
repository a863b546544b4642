//! Redis in the shapes that are attacked.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use redis::{AsyncConnectionConfig, FromRedisValue};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::processes::{Process, free_port};

/// By which name the Sentinels know the primary.
const PRIMARY: &str = "approvals";

/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What Redis is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    /// One server that writes every command down before it answers
    Aof,
    /// One server that writes once a second, as docs/redis.md advises
    Everysec,
    /// One server that keeps nothing: killed, it comes back empty
    Memory,
    /// A primary, two replicas and three Sentinels
    Sentinel,
}

/// A Redis of our own.
pub struct Redis {
    shape: Shape,
    servers: Vec<Server>,
    sentinels: Vec<Server>,
}

struct Server {
    port: u16,
    args: Vec<String>,
    log: PathBuf,
    process: Mutex<Option<Process>>,
}

impl Redis {
    /// Starts it in a folder of its own.
    pub async fn start(shape: Shape, folder: &Path) -> anyhow::Result<Self> {
        let (servers, sentinels) = if shape == Shape::Sentinel { (3, 3) } else { (1, 0) };
        let mut redis = Self { shape, servers: Vec::new(), sentinels: Vec::new() };
        for n in 0..servers {
            let follows = redis.servers.first().map(|primary| primary.port);
            redis.servers.push(Server::start(shape, &folder.join(format!("redis-{n}")), follows).await?);
        }
        for n in 0..sentinels {
            let primary = redis.servers[0].port;
            redis
                .sentinels
                .push(Server::start_sentinel(&folder.join(format!("sentinel-{n}")), primary).await?);
        }
        if shape == Shape::Sentinel {
            redis.gather().await?;
        }
        Ok(redis)
    }

    /// Where one server listens, and others can be put in front of it; none where Sentinels tell.
    pub fn port(&self) -> Option<u16> {
        (self.shape != Shape::Sentinel).then(|| self.servers[0].port)
    }

    /// The process of the server; none while it is down.
    pub async fn process(&self) -> Option<u32> {
        Some(self.servers[0].process.lock().await.as_ref()?.id())
    }

    /// How replicas are told of it: with Sentinels, a decision is to be on both replicas before it is acknowledged.
    /// One would not do: in a failover it may be the one that does not become the primary.
    pub fn settings(&self) -> String {
        let hosts = |servers: &[Server]| {
            let hosts: Vec<String> =
                servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
            hosts.join(",")
        };
        match self.shape {
            Shape::Sentinel => {
                let url = format!("redis+sentinel://{}/{PRIMARY}", hosts(&self.sentinels));
                format!("{{ url: \"{url}\", wait_replicas: 2 }}")
            }
            Shape::Aof | Shape::Everysec | Shape::Memory => {
                format!("{{ url: \"redis://{}\" }}", hosts(&self.servers))
            }
        }
    }

    /// Kills the server, or the primary, and starts it again after a while.
    pub async fn crash(&self, down: Duration) -> anyhow::Result<()> {
        let primary = self.primary().await?;
        let mut process = primary.process.lock().await;
        if let Some(process) = process.take() {
            process.kill().await;
        }
        sleep(down).await;
        *process = Some(primary.launch().await?);
        Ok(())
    }

    /// Sends a command to the server, or the primary.
    pub async fn tell(&self, command: &str) -> anyhow::Result<()> {
        ask(self.primary().await?.port, command).await
    }

    /// Makes another server the primary.
    pub async fn fail_over(&self) -> anyhow::Result<()> {
        let sentinel = self.sentinels.first().context("there are no Sentinels")?;
        ask(sentinel.port, &format!("SENTINEL FAILOVER {PRIMARY}")).await
    }

    async fn primary(&self) -> anyhow::Result<&Server> {
        if self.shape != Shape::Sentinel {
            return Ok(&self.servers[0]);
        }
        let command = format!("SENTINEL GET-MASTER-ADDR-BY-NAME {PRIMARY}");
        for sentinel in &self.sentinels {
            if let Ok((_, port)) = ask::<(String, u16)>(sentinel.port, &command).await
                && let Some(server) = self.servers.iter().find(|server| server.port == port)
            {
                return Ok(server);
            }
        }
        bail!("no Sentinel names the primary")
    }

    /// Waits until the Sentinels know each other and both replicas, without which there is no failover.
    async fn gather(&self) -> anyhow::Result<()> {
        let until = Instant::now() + Duration::from_secs(30);
        let command = format!("SENTINEL MASTER {PRIMARY}");
        for sentinel in &self.sentinels {
            loop {
                let known: HashMap<String, String> = ask(sentinel.port, &command).await.unwrap_or_default();
                let knows = |whom: &str| known.get(whom).is_some_and(|count| count == "2");
                if knows("num-slaves") && knows("num-other-sentinels") {
                    break;
                }
                if Instant::now() >= until {
                    bail!("the Sentinels do not find each other");
                }
                sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }
}

impl Server {
    async fn start(shape: Shape, folder: &Path, follows: Option<u16>) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let port = free_port()?;
        let (port_text, folder_text) = (port.to_string(), folder.display().to_string());
        let mut args = vec!["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--dir", &folder_text];
        match shape {
            Shape::Aof => args.extend(["--appendonly", "yes", "--appendfsync", "always"]),
            Shape::Memory => args.extend(["--appendonly", "no"]),
            Shape::Everysec | Shape::Sentinel => {
                args.extend(["--appendonly", "yes", "--appendfsync", "everysec"]);
            }
        }
        let mut args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        if let Some(primary) = follows {
            args.extend(["--replicaof".to_owned(), "127.0.0.1".to_owned(), primary.to_string()]);
        }
        Self::started(port, args, folder).await
    }

    async fn start_sentinel(folder: &Path, primary: u16) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let (port, file) = (free_port()?, folder.join("sentinel.conf"));
        let config = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\n\
             sentinel monitor {PRIMARY} 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds {PRIMARY} 1000\n\
             sentinel failover-timeout {PRIMARY} 5000\n",
            folder.display()
        );
        fs::write(&file, config)?;
        Self::started(port, vec![file.display().to_string(), "--sentinel".to_owned()], folder).await
    }

    async fn started(port: u16, args: Vec<String>, folder: &Path) -> anyhow::Result<Self> {
        let server = Self { port, args, log: folder.join("log"), process: Mutex::default() };
        *server.process.lock().await = Some(server.launch().await?);
        Ok(server)
    }

    async fn launch(&self) -> anyhow::Result<Process> {
        let mut process = Process::start("redis-server", &self.args, &self.log)?;
        process.listens(&[self.port]).await?;
        Ok(process)
    }
}

/// Sends one command, its words separated by spaces.
async fn ask<T: FromRedisValue>(port: u16, command: &str) -> anyhow::Result<T> {
    let client = redis::Client::open(("127.0.0.1", port))?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().unwrap_or_default());
    words.for_each(|word| _ = command.arg(word));
    Ok(command.query_async(&mut connection).await?)
}
