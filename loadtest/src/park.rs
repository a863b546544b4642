//! The scenario `park`: calls come, wait for a while, and are let go.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep};

use crate::crowd::{Crowd, Size};
use crate::figures::{
    DECISION, Figure, Found, LIST, PARK_RATE, PARKED, REDIS_HOLDING, REDIS_MEMORY, RELEASE, RELEASE_ALL,
    REPLICA_HOLDING, REPLICA_MEMORY, histogram,
};
use crate::local::span;
use crate::run::{Round, Scenario};
use crate::stage::{self, Stage};

/// All looks together take no longer.
const LOOKING: Duration = Duration::from_secs(10);
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(20);

/// How many, and how long.
#[derive(Debug, clap::Args)]
pub struct Park {
    #[command(flatten)]
    size: Size,
    /// Calls that arrive in a second
    #[arg(long, default_value_t = 2_000.0)]
    arrivals: f64,
    /// How long all of them wait
    #[arg(long, default_value = "10s", value_parser = span)]
    hold: Duration,
    /// How often somebody looks at the first page of what waits
    #[arg(long, default_value_t = 300)]
    looks: u64,
}

impl Scenario for Park {
    const NAME: &'static str = "park";

    fn figures(&self, stage: &stage::Place) -> Vec<Figure> {
        let mut figures = vec![PARKED, PARK_RATE, RELEASE_ALL];
        figures.extend(
            stage.knows_replicas().then_some([REPLICA_MEMORY, REPLICA_HOLDING]).into_iter().flatten(),
        );
        figures.extend(stage.knows_redis().then_some([REDIS_MEMORY, REDIS_HOLDING]).into_iter().flatten());
        figures.extend(LIST.all().chain(DECISION.all()).chain(RELEASE.all()));
        figures
    }

    async fn round(&self, on: &Round, found: &mut Found, rng: &mut Rng) -> anyhow::Result<()> {
        let idle = on.stage.usage()?;
        on.watch.phase("parking");
        let mut crowd = Crowd::park(&on.stage, &self.size, self.arrivals, rng).await?;
        found.note(PARKED, on.stage.open.count() as f64);
        found.note(PARK_RATE, self.size.parked as f64 / crowd.parking.as_secs_f64());

        on.watch.phase("waiting");
        let parked = on.stage.usage()?;
        sleep(self.hold).await;
        let held = on.stage.usage()?;
        let each = |rss: f64| rss / self.size.parked as f64;
        let percent = |cpu: Duration| 100.0 * cpu.as_secs_f64() / self.hold.as_secs_f64();
        if !on.stage.replicas.is_empty() {
            found.note(REPLICA_MEMORY, each((held.0 - idle.0).rss));
            found.note(REPLICA_HOLDING, percent((held.0 - parked.0).cpu));
        }
        if on.stage.redis.is_some() {
            found.note(REDIS_MEMORY, each((held.1 - idle.1).rss));
            found.note(REDIS_HOLDING, percent((held.1 - parked.1).cpu));
        }

        on.watch.phase("listing");
        look(&on.stage, self.looks, found).await?;
        let waiting = crowd.seen(&on.stage).await?;
        on.watch.phase("releasing");
        let released = crowd.release(&on.stage, waiting, rng, found).await?;
        found.note(RELEASE_ALL, released.all.as_secs_f64());
        found.latencies(RELEASE, released.lags);
        found.latencies(DECISION, released.decisions);
        Ok(())
    }
}

/// What a reviewer who opens the list waits for.
async fn look(stage: &Stage, looks: u64, found: &mut Found) -> anyhow::Result<()> {
    let (began, mut times) = (Instant::now(), histogram()?);
    for _ in 0..looks {
        let asked = Instant::now();
        stage.reviewers.look(0).await?;
        times.saturating_record(asked.elapsed().as_nanos() as u64);
        if began.elapsed() > LOOKING {
            break;
        }
        sleep(PAUSE).await;
    }
    found.latencies(LIST, times);
    Ok(())
}
