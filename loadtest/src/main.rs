//! Puts load on a Holdpoint, or on another service that answers Checks, and tells what came back: a scenario a
//! subcommand.

use clap::{Parser, Subcommand};

mod arrivals;
mod burst;
mod chaos;
mod check;
mod crowd;
mod echo;
mod figures;
mod flow;
mod gateway;
mod local;
mod measure;
mod mixed;
mod output;
mod park;
mod pass;
mod report;
mod restart;
mod reviewers;
mod run;
mod script;
mod soak;
mod stage;
mod usage;
mod watch;

#[derive(Parser)]
#[command(version, about)]
struct Args {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Checks that pass at once, and the same at a bare gRPC server: what the gate costs the calls that it does not hold
    Pass(Run<pass::Pass>),
    /// Many calls that wait, and are then all let go
    Park(Run<park::Park>),
    /// Calls come by an open-loop clock, people take their time, and decide at another replica than the one that holds
    Flow(Run<flow::Flow>),
    /// Many calls at once, let go at once
    Burst(Run<burst::Burst>),
    /// Flow for a long time, and what grows meanwhile
    Soak(Run<soak::Soak>),
    /// How long Checks that pass take while many calls wait
    Mixed(Run<mixed::Mixed>),
    /// Redis restarts while many calls wait
    Restart(Run<restart::Restart>),
    /// Callers and reviewers on real replicas and a real Redis under faults: nothing lost, nothing twice
    Chaos(chaos::Args),
    /// Writes docs/performance.md out of what the other scenarios wrote
    Report(report::Args),
    /// Serves Checks with nothing behind them, until its standard input ends; prints its URL first
    Echo,
}

#[derive(clap::Args)]
struct Run<S: clap::Args> {
    #[command(flatten)]
    scenario: S,
    #[command(flatten)]
    run: run::Options,
}

impl<S: run::Scenario + clap::Args> Run<S> {
    async fn run(self) -> anyhow::Result<()> {
        run::run(self.scenario, self.run).await
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Args::parse().scenario {
        Scenario::Pass(run) => run.run().await,
        Scenario::Park(run) => run.run().await,
        Scenario::Flow(run) => run.run().await,
        Scenario::Burst(run) => run.run().await,
        Scenario::Soak(run) => run.run().await,
        Scenario::Mixed(run) => run.run().await,
        Scenario::Restart(run) => run.run().await,
        Scenario::Chaos(args) => chaos::run(args).await,
        Scenario::Report(args) => report::write(&args),
        Scenario::Echo => echo::serve().await,
    }
}
