//! Checks that pass, in a closed loop and in an open one.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{bail, ensure};
use fastrand::Rng;
use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

use crate::figures::histogram;
use crate::gateway::Verdict;
use crate::stage::Stage;
use crate::{arrivals, check};

/// For how long.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Span {
    /// Seconds that are measured
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Seconds before that, which are not
    #[arg(long, default_value_t = 2.0)]
    pub warm_up: f64,
}

/// What an open loop found.
pub struct Passed {
    /// From when each Check was due to its answer.
    pub latencies: Histogram<u64>,
    /// From when each was due until it was sent.
    pub late: Histogram<u64>,
    /// What was not let through.
    pub errors: Vec<String>,
}

impl Span {
    fn begin(self) -> (Instant, Instant) {
        let from = Instant::now() + Duration::from_secs_f64(self.warm_up);
        (from, from + Duration::from_secs_f64(self.seconds))
    }
}

/// So many Checks at once, each followed by the next when it is answered: how many a second, and how long they take.
pub async fn closed_loop(
    stage: &Arc<Stage>,
    at_once: u64,
    span: Span,
) -> anyhow::Result<(f64, Histogram<u64>)> {
    let (from, until) = span.begin();
    let streams = (0..at_once).map(|number| tokio::spawn(stream(Arc::clone(stage), number, from, until)));
    let mut latencies = histogram()?;
    for of_one in try_join_all(streams).await? {
        latencies.add(of_one?)?;
    }
    Ok((latencies.len() as f64 / span.seconds, latencies))
}

async fn stream(
    stage: Arc<Stage>,
    number: u64,
    from: Instant,
    until: Instant,
) -> anyhow::Result<Histogram<u64>> {
    let check = check::tools_list();
    let mut latencies = histogram()?;
    loop {
        let asked = Instant::now();
        let answer = stage.ask(number, check.clone()).await;
        if answer.verdict != Verdict::Passed {
            bail!("a Check that should pass does not: {:?}", answer.verdict);
        }
        if answer.at >= until {
            return Ok(latencies);
        }
        if answer.at >= from {
            latencies.saturating_record((answer.at - asked).as_nanos() as u64);
        }
    }
}

/// So many Checks a second, whatever becomes of those before.
pub async fn open_loop(stage: &Arc<Stage>, rate: f64, span: Span, rng: &mut Rng) -> anyhow::Result<Passed> {
    let (from, until) = span.begin();
    let (sender, mut answers) = unbounded_channel();
    let (stage, check) = (Arc::clone(stage), check::tools_list());
    let count = (rate * (span.warm_up + span.seconds)).ceil();
    let gaps = arrivals::gaps(rate, rng.fork()).take(count as usize);
    let arrive = move |number, due| {
        let (stage, check, sender) = (Arc::clone(&stage), check.clone(), sender.clone());
        tokio::spawn(async move {
            let sent = Instant::now();
            let answer = stage.ask(number, check).await;
            // Nobody listens any more where the scenario has failed.
            let _ = sender.send((due, sent, answer));
        });
    };
    arrivals::run(gaps, arrive).await?;
    let mut passed = Passed { latencies: histogram()?, late: histogram()?, errors: Vec::new() };
    while let Some((due, sent, answer)) = answers.recv().await {
        if answer.verdict != Verdict::Passed {
            passed.errors.push(format!("a Check that should pass does not: {:?}", answer.verdict));
        } else if (from..until).contains(&due) {
            passed.latencies.saturating_record((answer.at - due).as_nanos() as u64);
            passed.late.saturating_record((sent - due).as_nanos() as u64);
        }
    }
    ensure!(!passed.latencies.is_empty(), "no Check passed");
    Ok(passed)
}
