//! The scenario `pass`: Checks that nobody has to be asked about.

use crate::{
    check,
    echo::EchoProcess,
    measure::{Load, Measured, measure},
};

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the gate listens for Checks
    #[arg(long, default_value = "http://127.0.0.1:9001")]
    target: String,
    /// Measure a bare gRPC server too, by turns, and print how the gate compares
    #[arg(long)]
    against_echo: bool,
    /// Turns that each of the two gets with --against-echo
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    #[command(flatten)]
    load: Load,
}

/// Runs the scenario and prints what it finds.
pub async fn run(args: Args) -> anyhow::Result<()> {
    if args.against_echo { compare(args).await } else { alone(args).await }
}

async fn alone(args: Args) -> anyhow::Result<()> {
    report("gate", &measure(&args.target, &check::tools_list(), &args.load).await?);
    Ok(())
}

/// By turns within one run, so that a machine that is slow for a while is slow for both.
async fn compare(args: Args) -> anyhow::Result<()> {
    let echo = EchoProcess::start()?;
    let check = check::tools_list();
    let (mut throughput, mut p99) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let gate = measure(&args.target, &check, &args.load).await?;
        report("gate", &gate);
        let bare = measure(&echo.url, &check, &args.load).await?;
        report("echo", &bare);
        throughput.push(gate.throughput() / bare.throughput());
        p99.push(gate.latency(0.99) / bare.latency(0.99));
    }
    println!("gate / echo, median (least to most) of {} rounds", args.rounds);
    spread("throughput", throughput);
    spread("p99", p99);
    Ok(())
}

fn report(who: &str, of: &Measured) {
    let (p50, p99) = (of.latency(0.5), of.latency(0.99));
    println!("{who}  {:>8.0} checks/s  p50 {p50:>7.3} ms  p99 {p99:>7.3} ms", of.throughput());
}

fn spread(what: &str, mut ratios: Vec<f64>) {
    ratios.sort_by(f64::total_cmp);
    if let (Some(least), Some(most)) = (ratios.first(), ratios.last()) {
        println!("{what:<10}  {:.3} ({least:.3} to {most:.3})", ratios[ratios.len() / 2]);
    }
}
