//! What a scenario is played on: replicas of our own with a Redis, or the addresses of a service.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use fastrand::Rng;
use holdpoint::ext_authz::proto::CheckRequest;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::gateway::{Answer, Gateway, Like, Open};
use crate::local::program;
use crate::local::redis::{Redis, Shape};
use crate::local::replica::{self, Replica, Terms};
use crate::reviewers::{Api, Reviewers};
use crate::usage::Usage;

/// Longer than any scenario lasts.
const LONG: Duration = Duration::from_secs(6 * 60 * 60);

/// What to put load on.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// Start so many replicas and a Redis
    #[arg(long, default_value_t = 1, conflicts_with = "gate")]
    local: usize,
    /// Without the Redis: one replica that keeps approvals to itself
    #[arg(long, conflicts_with_all = ["gate", "local"])]
    embedded: bool,
    /// The program that is started [default: `holdpoint` beside this one]
    #[arg(long, conflicts_with = "gate")]
    holdpoint: Option<PathBuf>,
    /// Where a replica takes Checks, as http://127.0.0.1:9001; once for each
    #[arg(long, requires = "admin")]
    gate: Vec<String>,
    /// Where it takes decisions, as http://127.0.0.1:8081; in the same order
    #[arg(long, requires = "gate")]
    admin: Vec<String>,
    /// The token of a reviewer
    #[arg(long, requires = "gate")]
    token: Option<String>,
    /// What is offered to reviewers
    #[arg(long, value_enum, default_value_t = Api::V1)]
    api: Api,
    /// Which gateway's connections to make
    #[arg(long, value_enum, default_value_t = Like::Agentgateway)]
    like: Like,
    /// A process of a replica on this machine, where replicas are not started here: its memory and CPU are told
    #[arg(long, requires = "gate")]
    process: Vec<u32>,
    /// The same of Redis
    #[arg(long, requires = "gate")]
    redis_process: Option<u32>,
}

/// A service under load, from outside.
pub struct Stage {
    /// The gateways, one in front of each replica.
    pub gateways: Vec<Gateway>,
    /// Checks that are under way.
    pub open: Arc<Open>,
    /// Those who decide.
    pub reviewers: Reviewers,
    /// The processes of the replicas, as far as they are known.
    pub replicas: Vec<u32>,
    /// That of Redis.
    pub redis: Option<u32>,
    /// How long the first replica took until it was ready.
    pub start: Option<Duration>,
    local: Option<Local>,
}

/// What ends with the stage.
struct Local {
    redis: Option<Redis>,
    _replicas: Vec<Replica>,
    _folder: TempDir,
}

impl Place {
    /// The same with one replica and the embedded store.
    pub fn embedded(&self) -> Self {
        Self { local: 1, embedded: true, ..self.clone() }
    }

    /// Whether everything is started here.
    pub fn is_local(&self) -> bool {
        self.gate.is_empty()
    }

    /// Whether the processes of the replicas are known.
    pub fn knows_replicas(&self) -> bool {
        self.is_local() || !self.process.is_empty()
    }

    /// Whether that of Redis is.
    pub fn knows_redis(&self) -> bool {
        if self.is_local() { !self.embedded } else { self.redis_process.is_some() }
    }
}

impl Stage {
    /// Starts what is to be started, and connects.
    pub async fn set(args: &Place) -> anyhow::Result<Self> {
        if args.is_local() { Self::local(args).await } else { Self::remote(args) }
    }

    fn remote(args: &Place) -> anyhow::Result<Self> {
        ensure!(args.gate.len() == args.admin.len(), "--gate and --admin come in pairs");
        let mut stage = Self::empty(args, args.token.clone())?;
        for (gate, admin) in args.gate.iter().zip(&args.admin) {
            stage.add(args, gate, admin.clone())?;
        }
        (stage.replicas, stage.redis) = (args.process.clone(), args.redis_process);
        Ok(stage)
    }

    async fn local(args: &Place) -> anyhow::Result<Self> {
        let program = program(args.holdpoint.as_deref())?;
        let folder = tempfile::tempdir()?;
        let terms = Terms { hold: LONG, expires: LONG, grant: LONG, log: "warn" };
        let redis = match args.embedded {
            true => None,
            false => {
                Some(Redis::start(Shape::Everysec, folder.path()).await.context("Redis does not start")?)
            }
        };
        let settings = redis.as_ref().map(Redis::settings);
        let mut stage = Self::empty(args, Some(replica::token(0)))?;
        let mut replicas = Vec::new();
        for number in 0..args.local {
            let folder = folder.path().join(format!("replica-{number}"));
            let began = Instant::now();
            let replica = Replica::start(&program, &folder, settings.as_deref(), &terms).await;
            let replica = replica.with_context(|| format!("replica {number} does not start"))?;
            stage.add(args, &address(replica.gate), address(replica.admin))?;
            stage.reviewers.ready(number).await?;
            stage.start.get_or_insert(began.elapsed());
            stage.replicas.extend(replica.process().await);
            replicas.push(replica);
        }
        if let Some(redis) = &redis {
            stage.redis = redis.process().await;
        }
        stage.local = Some(Local { redis, _replicas: replicas, _folder: folder });
        Ok(stage)
    }

    /// Somebody else at this address, who is only sent Checks, over the same connections.
    pub fn bare(args: &Place, gate: &str) -> anyhow::Result<Self> {
        let mut stage = Self::empty(args, None)?;
        stage.add(args, gate, String::new())?;
        Ok(stage)
    }

    fn empty(args: &Place, token: Option<String>) -> anyhow::Result<Self> {
        Ok(Self {
            gateways: Vec::new(),
            open: Arc::default(),
            reviewers: Reviewers::new(args.api, token)?,
            replicas: Vec::new(),
            redis: None,
            start: None,
            local: None,
        })
    }

    fn add(&mut self, args: &Place, gate: &str, admin: String) -> anyhow::Result<()> {
        self.gateways.push(Gateway::new(gate, args.like, Arc::clone(&self.open))?);
        self.reviewers.admins.push(admin);
        Ok(())
    }

    /// The Redis that was started here.
    pub fn own_redis(&self) -> Option<&Redis> {
        self.local.as_ref()?.redis.as_ref()
    }

    /// Sends a call's Check to the replica that has it.
    pub async fn ask(&self, call: u64, check: CheckRequest) -> Answer {
        self.gateways[self.holds(call)].ask(check).await
    }

    /// Which replica has a call.
    fn holds(&self, call: u64) -> usize {
        call as usize % self.gateways.len()
    }

    /// A replica to decide at: another than the one that has the call, where there is one.
    pub fn decides(&self, call: u64, rng: &mut Rng) -> usize {
        another(self.holds(call), self.gateways.len(), rng)
    }

    /// What replicas and Redis use; nothing where their processes are not known.
    pub fn usage(&self) -> anyhow::Result<(Usage, Usage)> {
        Ok((Usage::sum(self.replicas.iter().copied())?, Usage::sum(self.redis)?))
    }
}

fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// One of the others, or this one where there are no others.
fn another(replica: usize, replicas: usize, rng: &mut Rng) -> usize {
    match replicas {
        1 => replica,
        _ => (replica + rng.usize(1..replicas)) % replicas,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_are_made_at_any_other_replica_but_never_at_the_one_that_holds() {
        let mut rng = Rng::with_seed(1);
        let mut of = |replicas| -> Vec<usize> {
            let mut chosen: Vec<usize> =
                (0..100).map(|_| another(1 % replicas, replicas, &mut rng)).collect();
            chosen.sort_unstable();
            chosen.dedup();
            chosen
        };
        assert_eq!(of(4), [0, 2, 3]);
        assert_eq!(of(2), [0]);
        assert_eq!(of(1), [0]);
    }
}
