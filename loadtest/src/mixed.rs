//! The scenario `mixed`: what waits must not slow down what passes.

use fastrand::Rng;

use crate::crowd::{Crowd, Size};
use crate::figures::{
    Figure, Found, LATE, P99_RATIO, PARKED, PASS, PASS_PARKED, RELEASE, RELEASE_ALL, millis,
};
use crate::measure::{Span, open_loop};
use crate::run::{Round, Scenario};
use crate::stage;

/// How many wait, and how many pass.
#[derive(Debug, clap::Args)]
pub struct Mixed {
    #[command(flatten)]
    size: Size,
    /// Calls that arrive in a second, to wait
    #[arg(long, default_value_t = 2_000.0)]
    arrivals: f64,
    /// Checks that arrive in a second, to pass
    #[arg(long, default_value_t = 1_000.0)]
    rate: f64,
    #[command(flatten)]
    span: Span,
}

impl Scenario for Mixed {
    const NAME: &'static str = "mixed";

    fn figures(&self, _: &stage::Place) -> Vec<Figure> {
        let latencies = [PASS, PASS_PARKED, LATE, RELEASE].into_iter().flat_map(|latency| latency.all());
        [PARKED, P99_RATIO, RELEASE_ALL].into_iter().chain(latencies).collect()
    }

    async fn round(&self, on: &Round, found: &mut Found, rng: &mut Rng) -> anyhow::Result<()> {
        on.watch.phase("passing");
        let alone = open_loop(&on.stage, self.rate, self.span, rng).await?;
        on.watch.phase("parking");
        let mut crowd = Crowd::park(&on.stage, &self.size, self.arrivals, rng).await?;
        found.note(PARKED, on.stage.open.count() as f64);
        on.watch.phase("passing, others wait");
        let beside = open_loop(&on.stage, self.rate, self.span, rng).await?;
        found.note(P99_RATIO, millis(&beside.latencies, 0.99) / millis(&alone.latencies, 0.99));
        found.errors.extend(alone.errors.into_iter().chain(beside.errors));
        found.latencies(PASS, alone.latencies);
        found.latencies(PASS_PARKED, beside.latencies);
        found.latencies(LATE, beside.late);

        on.watch.phase("releasing");
        let waiting = crowd.seen(&on.stage).await?;
        let released = crowd.release(&on.stage, waiting, rng, found).await?;
        found.note(RELEASE_ALL, released.all.as_secs_f64());
        found.latencies(RELEASE, released.lags);
        Ok(())
    }
}
