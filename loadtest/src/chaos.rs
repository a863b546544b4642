//! The scenario `chaos`: real replicas and a real Redis under faults, and a checker that goes through all that was seen.

mod admin;
mod callers;
mod checker;
mod faults;
mod figures;
mod gateway;
mod history;
mod proxy;
mod report;
mod reviewers;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::admin::Admin;
use self::callers::Callers;
use self::faults::World;
use self::gateway::Gateway;
use self::history::{Event, History};
use self::proxy::Proxy;
use self::reviewers::Reviewers;
use crate::local::redis::{Redis, Shape};
use crate::local::replica::{self, Replica, Terms};
use crate::local::{program, span};

/// How much longer than an approval can last the world gets to come to rest.
const REST: Duration = Duration::from_secs(30);

/// A late answer is awaited for so long beyond what is tolerated, to see how late it is.
const LATER: Duration = Duration::from_secs(1);

/// How long it may take until the callers have their calls parked.
const FILLING: Duration = Duration::from_secs(120);
/// Some are between two attempts.
const NEARLY_ALL: f64 = 0.95;

/// What to attack, how hard and for how long.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long faults are injected
    #[arg(long, default_value = "5m", value_parser = span)]
    duration: Duration,
    /// How long there is load without faults before, once the callers wait
    #[arg(long, default_value = "30s", value_parser = span)]
    calm: Duration,
    /// Callers, each of whom has about one call parked
    #[arg(long, default_value_t = 10_000)]
    parked: u64,
    /// Replicas of Holdpoint
    #[arg(long, default_value_t = 3)]
    replicas: usize,
    /// What Redis is made of
    #[arg(long, value_enum, default_value_t = Shape::Aof)]
    redis: Shape,
    /// Decisions a second
    #[arg(long, default_value_t = 50)]
    decisions: u32,
    /// How long one attempt is held
    #[arg(long, default_value = "50s", value_parser = span)]
    hold: Duration,
    /// How long an approval stays open
    #[arg(long, default_value = "90s", value_parser = span)]
    expires: Duration,
    /// How long a late approval is good for
    #[arg(long, default_value = "30s", value_parser = span)]
    grant: Duration,
    /// How much later than its deadline a call may be answered
    #[arg(long, default_value = "1s", value_parser = span)]
    tolerance: Duration,
    /// What all choices follow from; another one each time where it is not set
    #[arg(long)]
    seed: Option<u64>,
    /// Fail also where a target of docs/chaos.md is missed
    #[arg(long)]
    targets: bool,
    /// Write all that was seen into this file, a JSON object a line
    #[arg(long)]
    history: Option<PathBuf>,
    /// The program that is attacked [default: `holdpoint` beside this one]
    #[arg(long)]
    holdpoint: Option<PathBuf>,
}

/// Runs the scenario, and fails where the checker finds something.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let folder = tempfile::tempdir()?;
    println!("seed {seed}, logs in {}", folder.path().display());
    let history = observe(&args, seed, folder.path()).await;
    let fine = history.and_then(|history| {
        let events = history.events();
        if let Some(file) = &args.history {
            history::write(&events, file)?;
        }
        let (figures, findings) = (figures::figures(&events)?, checker::check(&events, args.tolerance));
        report::print(&figures, &findings);
        Ok(findings.is_clean() && (!args.targets || figures.missed().is_empty()))
    });
    if matches!(fine, Ok(true)) {
        return Ok(());
    }
    let folder = folder.keep();
    fine?;
    bail!("the seed was {seed}, the logs stay in {}", folder.display())
}

/// Builds the world, lets it run, and returns what was seen once it came to rest.
async fn observe(args: &Args, seed: u64, folder: &Path) -> anyhow::Result<History> {
    let mut rng = Rng::with_seed(seed);
    let (history, started) = (History::begin(), SystemTime::now());
    let world = Arc::new(build(args, folder, &history).await?);
    let ports: Vec<u16> = world.replicas.iter().map(|replica| replica.admin).collect();
    let terms = terms(args);

    let (no_more_calls, no_more_decisions) = (CancellationToken::new(), CancellationToken::new());
    let _stop = (no_more_calls.clone().drop_guard(), no_more_decisions.clone().drop_guard());
    let gates = world.replicas.iter().map(|replica| replica.gate);
    let gateway = Gateway::new(gates, history.clone(), args.tolerance + LATER)?;
    let all = Arc::new(Callers::new(gateway, args.replicas, terms.clone()));
    let mut callers = JoinSet::new();
    for number in 0..args.parked {
        callers.spawn(Arc::clone(&all).run(number, rng.fork(), no_more_calls.clone()));
    }
    let admin = |number| Admin::new(ports.clone(), replica::token(number));
    fill(&admin(0)?, args.replicas, args.parked).await?;
    let admins = (0..replica::REVIEWERS).map(admin).collect::<anyhow::Result<_>>()?;
    let all = Arc::new(Reviewers { admins, replicas: args.replicas, history: history.clone(), seed });
    let mut reviewers = JoinSet::new();
    let pace = Duration::from_secs(1) * replica::REVIEWERS as u32 / args.decisions;
    for number in 0..replica::REVIEWERS {
        reviewers.spawn(Arc::clone(&all).run(number, rng.fork(), pace, no_more_decisions.clone()));
    }

    sleep(args.calm).await;
    println!("calm is over");
    history.note(Event::FaultsBegin);
    let mut faults = JoinSet::new();
    for (fault, every) in faults::schedule(args.redis) {
        faults.spawn(Arc::clone(&world).suffer(fault, every, args.duration, rng.fork()));
    }
    while let Some(fault) = faults.join_next().await {
        fault??;
    }
    history.note(Event::FaultsEnd);
    println!("no more faults");

    no_more_calls.cancel();
    let longest = terms.expires + terms.hold + terms.grant + REST;
    let over = timeout(longest * 2, callers.join_all()).await;
    over.context("callers wait for ever")?;
    no_more_decisions.cancel();
    reviewers.join_all().await;
    note_records(&history, started, &admin(0)?, longest).await?;
    Ok(history)
}

/// Waits until nearly all callers have a call parked.
async fn fill(admin: &Admin, replicas: usize, callers: u64) -> anyhow::Result<()> {
    let (started, enough) = (Instant::now(), (callers as f64 * NEARLY_ALL) as u64);
    loop {
        let mut parked = 0;
        for replica in 0..replicas {
            // One that is too busy to answer is asked again.
            parked += admin.parked(replica).await.unwrap_or_default();
        }
        if parked >= enough {
            println!("{parked} calls are parked after {:.1?}", started.elapsed());
            return Ok(());
        }
        if started.elapsed() >= FILLING {
            bail!("only {parked} of {callers} calls are parked");
        }
        sleep(Duration::from_millis(100)).await;
    }
}

fn terms(args: &Args) -> Terms {
    Terms { hold: args.hold, expires: args.expires, grant: args.grant, log: "info" }
}

async fn build(args: &Args, folder: &Path, history: &History) -> anyhow::Result<World> {
    let program = program(args.holdpoint.as_deref())?;
    let redis = Redis::start(args.redis, folder).await.context("Redis does not start")?;
    let (mut replicas, mut network) = (Vec::new(), Vec::new());
    for number in 0..args.replicas {
        let mut settings = redis.settings();
        if let Some(port) = redis.port() {
            let proxy = Proxy::start(port).await?;
            settings = format!("{{ url: \"redis://127.0.0.1:{}\" }}", proxy.port);
            network.push(proxy);
        }
        let folder = folder.join(format!("replica-{number}"));
        let replica = Replica::start(&program, &folder, Some(&settings), &terms(args)).await;
        replicas.push(replica.with_context(|| format!("replica {number} does not start"))?);
    }
    Ok(World { replicas, redis, network, history: history.clone() })
}

/// Notes all records as they stand when nothing is open any more, or when that has taken too long.
async fn note_records(
    history: &History,
    start: SystemTime,
    admin: &Admin,
    longest: Duration,
) -> anyhow::Result<()> {
    let until = Instant::now() + longest;
    loop {
        let open = [("state", "pending"), ("state", "approved"), ("page_size", "1")];
        let at_rest = admin.list(0, &open).await.is_ok_and(|page| page.approvals.is_empty());
        if at_rest || Instant::now() >= until {
            break;
        }
        sleep(Duration::from_millis(200)).await;
    }
    for approval in admin.all(0).await.context("the records cannot be read")? {
        history.note(Event::Record {
            call: approval.call(),
            state: approval.state,
            created: approval.created(start),
            deadline: approval.deadline(start),
            settled: approval.settled(start),
            approves: approval.votes("approve"),
            rejects: approval.votes("reject"),
            approval: approval.id,
        });
    }
    Ok(())
}
