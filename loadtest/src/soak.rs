//! The scenario `soak`: `flow` for a long time, and what grows meanwhile.

use fastrand::Rng;

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
            found.note(REPLICA_GROWTH, slope(late, |sample| sample.replicas) * 3600.0);
        }
        if on.stage.redis.is_some() {
            found.note(REDIS_GROWTH, slope(late, |sample| sample.redis) * 3600.0);
        }
        Ok(())
    }
}

/// The straight line through all of them, by least squares: what is gained a second.
fn slope(samples: &[Sample], of: fn(&Sample) -> f64) -> f64 {
    let count = samples.len().max(1) as f64;
    let (at, value) = (samples.iter().map(|sample| sample.at), samples.iter().map(of));
    let (mean_at, mean_value) = (at.clone().sum::<f64>() / count, value.clone().sum::<f64>() / count);
    let (mut along, mut squares) = (0.0, 0.0);
    for (at, value) in at.zip(value) {
        along += (at - mean_at) * (value - mean_value);
        squares += (at - mean_at).powi(2);
    }
    if squares == 0.0 { 0.0 } else { along / squares }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: f64, replicas: f64) -> Sample {
        Sample { at, open: 0, replicas, redis: 0.0, replicas_cpu: 0.0, redis_cpu: 0.0 }
    }

    #[test]
    fn the_slope_is_that_of_the_line_through_all() {
        let noisy = [(0.0, 10.0), (1.0, 12.5), (2.0, 13.5), (3.0, 16.0)].map(|(at, mib)| sample(at, mib));
        assert!((slope(&noisy, |sample| sample.replicas) - 1.9).abs() < 1e-9);
        assert_eq!(slope(&noisy[..1], |sample| sample.replicas), 0.0);
        assert_eq!(slope(&[], |sample| sample.replicas), 0.0);
    }
}
