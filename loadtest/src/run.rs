//! What all scenarios share: rounds, each on a fresh stage, and what is done with what they find.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use fastrand::Rng;

use crate::figures::assertion::Assertion;
use crate::figures::{ERRORS, Figure, Found};
use crate::output::{self, record::Record};
use crate::stage::{self, Stage};
use crate::watch::Watch;

/// So many errors of a round are told in words.
const TOLD: usize = 5;

/// How to run a scenario, and what to do with what it finds.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    #[command(flatten)]
    stage: stage::Place,
    /// Times that all is done, on a fresh stage where it is started here: their spread is the noise
    #[arg(long, default_value_t = 1)]
    rounds: u64,
    /// What all choices follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What must hold, as 'release_p99 < 20ms', for the median of the rounds; may be there several times
    #[arg(long = "assert", value_name = "ASSERTION")]
    asserted: Vec<Assertion>,
    /// Write everything that was found into this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Compare with what another run wrote by --json
    #[arg(long)]
    against: Option<PathBuf>,
    /// Draw plots (SVG) into this folder
    #[arg(long)]
    plots: Option<PathBuf>,
}

/// One kind of load.
pub trait Scenario {
    /// Its name.
    const NAME: &'static str;

    /// What it finds on such a stage.
    fn figures(&self, stage: &stage::Place) -> Vec<Figure>;

    /// Runs once. What it cannot do is an error; what went wrong at the service is noted in what it finds.
    async fn round(&self, on: &Round, found: &mut Found, rng: &mut Rng) -> anyhow::Result<()>;
}

/// One time that a scenario runs.
pub struct Round {
    /// What it is played on.
    pub stage: Arc<Stage>,
    /// How that was set.
    pub args: stage::Place,
    /// Who looks on.
    pub watch: Watch,
}

/// Runs a scenario, and fails where an assertion does.
pub async fn run<S: Scenario>(scenario: S, args: Options) -> anyhow::Result<()> {
    let figures = [scenario.figures(&args.stage), vec![ERRORS]].concat();
    for assertion in &args.asserted {
        assertion.fits(&figures)?;
    }
    let before = args.against.as_deref().map(Record::read).transpose()?;
    let mut record = Record::new(env::args().skip(1), &figures);
    let mut rng = Rng::with_seed(args.seed);
    for number in 1..=args.rounds {
        let stage = Arc::new(Stage::set(&args.stage).await?);
        let title = format!("{} {number}/{}", S::NAME, args.rounds);
        let watch = Watch::begin(Arc::clone(&stage), title);
        let round = Round { stage, args: args.stage.clone(), watch };
        let mut found = Found::default();
        scenario.round(&round, &mut found, &mut rng).await.with_context(|| format!("round {number}"))?;
        for error in found.errors.iter().take(TOLD) {
            eprintln!("error: {error}");
        }
        found.note(ERRORS, found.errors.len() as f64);
        record.add(found, round.watch.end().await?)?;
    }
    output::table(&record);
    if let Some(before) = &before {
        output::comparison(&record, before);
    }
    if let Some(file) = &args.json {
        record.write(file)?;
    }
    if let Some(folder) = &args.plots {
        output::plots::draw(&record, folder)?;
    }
    check(&record, &args.asserted)
}

/// Names all that do not hold.
fn check(record: &Record, asserted: &[Assertion]) -> anyhow::Result<()> {
    let fails = |assertion: &&Assertion| !record.holds(assertion);
    let failed: Vec<String> = asserted.iter().filter(fails).map(Assertion::to_string).collect();
    if failed.is_empty() {
        return Ok(());
    }
    bail!("this does not hold: {}", failed.join("; "))
}
