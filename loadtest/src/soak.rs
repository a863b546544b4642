//! The scenario `soak`: `flow` for a long time, and what grows meanwhile.

use fastrand::Rng;

use crate::figures::slope::slope;
use crate::figures::{Figure, Found, REDIS_GROWTH, REPLICA_GROWTH};
use crate::flow::Flow;
use crate::run::{Round, Scenario};
use crate::stage;
use crate::watch::Sample;

/// How much, and how long.
#[derive(Debug, clap::Args)]
pub struct Soak {
    #[command(flatten)]
    flow: Flow,
}

impl Scenario for Soak {
    const NAME: &'static str = "soak";

    fn figures(&self, stage: &stage::Place) -> Vec<Figure> {
        let mut figures = self.flow.figures(stage);
        figures.extend(stage.knows_replicas().then_some(REPLICA_GROWTH));
        figures.extend(stage.knows_redis().then_some(REDIS_GROWTH));
        figures
    }

    async fn round(&self, on: &Round, found: &mut Found, rng: &mut Rng) -> anyhow::Result<()> {
        self.flow.round(on, found, rng).await?;
        let samples = on.watch.samples();
        // In the first half of the time everything reaches its size.
        let late = &samples[samples.len() / 2..];
        if !on.stage.replicas.is_empty() {
            found.note(REPLICA_GROWTH, growth(late, |sample| sample.replicas));
        }
        if on.stage.redis.is_some() {
            found.note(REDIS_GROWTH, growth(late, |sample| sample.redis));
        }
        Ok(())
    }
}

/// What is gained in an hour at the pace of these seconds.
fn growth(samples: &[Sample], of: fn(&Sample) -> f64) -> f64 {
    let points: Vec<(f64, f64)> = samples.iter().map(|sample| (sample.at, of(sample))).collect();
    slope(&points) * 3600.0
}
