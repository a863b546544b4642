//! The built `holdpoint`: replicas as operators start them, and the commands of reviewers.

use std::{
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Output},
    time::Duration,
};

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

use super::{RedisServer, Reviewer, Running};
use crate::support::eventually::eventually;
use crate::support::network::Network;

const PROGRAM: &str = env!("CARGO_BIN_EXE_holdpoint");

/// Whoever has it decides for every group, at every replica.
pub const TOKEN: &str = "token-of-a-reviewer-of-everything";

/// Longer than any command takes.
const BOUND: Duration = Duration::from_secs(30);

/// One replica.
pub struct Holdpoint {
    gate: SocketAddr,
    admin: String,
    running: Running,
    _config: TempDir,
}

impl Holdpoint {
    /// Starts a replica with this configuration file and waits until it listens; without a Redis its approvals
    /// live in it.
    pub async fn start(config: &str, redis: Option<&RedisServer>) -> Self {
        Self::told(&[], config, redis).await
    }

    /// The same with these variables in its environment.
    pub async fn told(environment: &[(&str, &str)], config: &str, redis: Option<&RedisServer>) -> Self {
        Self::launch(environment, config, redis.map(RedisServer::url), None).await
    }

    /// The same with the Redis at this URL.
    pub async fn with(config: &str, redis: String) -> Self {
        Self::launch(&[], config, Some(redis), None).await
    }

    /// The same inside a network.
    pub async fn inside(network: &Network, config: &str, redis: String) -> Self {
        Self::launch(&[], config, Some(redis), Some(network)).await
    }

    async fn launch(
        environment: &[(&str, &str)],
        config: &str,
        redis: Option<String>,
        network: Option<&Network>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let file = folder.path().join("holdpoint.yaml");
        std::fs::write(&file, config).expect("a configuration file");
        let file = file.to_str().expect("the path is UTF-8");
        let any_port = format!("{}:0", network.map_or("127.0.0.1", |network| network.address()));
        let mut args = vec!["--config", file, "--ext-authz-listen", &any_port, "--admin-listen", &any_port];
        args.extend(redis.iter().flat_map(|url| ["--redis-url", url]));
        let environment = [&[("HOLDPOINT_TOKEN", TOKEN)], environment].concat();
        let running = match network {
            Some(network) => network.start_in("holdpoint", "env", command_line(&environment, &args)),
            None => serve(&environment, &args),
        };
        let (gate, admin) = eventually("the replica to listen", async || listens(&running)).await;
        Self { gate, admin, running, _config: folder }
    }

    /// Where gateways ask.
    pub fn gate(&self) -> SocketAddr {
        self.gate
    }

    /// The port of that.
    pub fn check_port(&self) -> u16 {
        self.gate.port()
    }

    /// The URL of its admin side.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.running.stderr()
    }

    /// The reviewer of everything, at this replica.
    pub fn reviewer(&self) -> Reviewer {
        self.reviewer_with(TOKEN)
    }

    /// A reviewer with this token, at this replica.
    pub fn reviewer_with(&self, token: &str) -> Reviewer {
        Reviewer::new(&self.admin, token)
    }

    /// How many calls wait on this replica.
    pub async fn parked(&self) -> u64 {
        self.reviewer().ready().await["parked"].as_u64().expect("a number of parked calls")
    }

    /// Ends it as a crash would.
    pub async fn crash(&mut self) {
        self.running.signal(Signal::KILL);
        self.running.ended().await;
    }

    /// Stops it where it stands, with its connections open.
    pub fn freeze(&self) {
        self.running.signal(Signal::STOP);
    }

    /// Ends [`Holdpoint::freeze`].
    pub fn thaw(&self) {
        self.running.signal(Signal::CONT);
    }

    /// Tells it to leave and waits until it has.
    pub async fn leave(&mut self) -> ExitStatus {
        self.is_told_to_leave();
        self.has_left().await
    }

    /// Tells it to leave.
    pub fn is_told_to_leave(&self) {
        self.running.signal(Signal::TERM);
    }

    /// Waits until it has left by itself.
    pub async fn has_left(&mut self) -> ExitStatus {
        timeout(BOUND, self.running.ended()).await.expect("it leaves")
    }

    /// Whether it says that it is to be sent new calls.
    pub async fn is_ready(&self) -> bool {
        self.reviewer().get("/readyz").await.status().is_success()
    }
}

/// The ports that a replica says it listens on.
fn listens(running: &Running) -> Option<(SocketAddr, String)> {
    let log = running.stderr();
    let (_, address) = log.split_once("gateways can connect address=")?;
    let gate = address.split_once('\n')?.0.parse().ok()?;
    let admin = running.stdout().strip_prefix("Decide at ")?.split_once("/\n")?.0.to_owned();
    Some((gate, admin))
}

/// `holdpoint serve`, with nothing in its environment but this.
pub fn serve(environment: &[(&str, &str)], args: &[&str]) -> Running {
    Running::start("holdpoint", Path::new("env"), command_line(environment, args))
}

/// What `env` is told to run it.
fn command_line(environment: &[(&str, &str)], args: &[&str]) -> Vec<String> {
    let environment = environment.iter().map(|(name, value)| format!("{name}={value}"));
    let command = [PROGRAM, "serve"].iter().chain(args).map(ToString::to_string);
    ["-i".to_owned()].into_iter().chain(environment).chain(command).collect()
}

/// Runs `holdpoint` until it ends, with nothing in its environment but this.
pub async fn command(environment: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.env_clear().envs(environment.iter().copied()).args(args).kill_on_drop(true);
    timeout(BOUND, command.output()).await.expect("it ends").expect("it was started")
}
