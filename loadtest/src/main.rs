//! Puts load on a running Holdpoint and prints what came back, one scenario a subcommand.

use clap::{Parser, Subcommand};

mod chaos;
mod check;
mod echo;
mod measure;
mod pass;

#[derive(Parser)]
#[command(version, about)]
struct Args {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Checks for `tools/list`, which pass at once: what the gate costs the calls that it does not hold.
    Pass(pass::Args),
    /// Callers and reviewers on real replicas and a real Redis under faults: nothing lost, nothing twice.
    Chaos(chaos::Args),
    /// Serves Checks with nothing behind them, until its standard input ends; prints its URL first.
    Echo,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Args::parse().scenario {
        Scenario::Pass(args) => pass::run(args).await,
        Scenario::Chaos(args) => chaos::run(args).await,
        Scenario::Echo => echo::serve().await,
    }
}
