//! The scenario `restart`: Redis goes and comes back while calls wait, and every one of them has to be looked at.

use std::time::Duration;

use anyhow::{Context, ensure};
use fastrand::Rng;
use tokio::time::{Instant, sleep};

use crate::crowd::{Crowd, Size};
use crate::figures::{Figure, Found, PARKED, RECONCILED, RELEASE, RELEASE_ALL};
use crate::run::{Round, Scenario};
use crate::stage::{self, Stage};

/// How long Redis is away.
const AWAY: Duration = Duration::from_millis(500);
/// Until it is asked again how far it is.
const PAUSE: Duration = Duration::from_millis(5);
/// Longer than anybody would wait.
const PATIENCE: Duration = Duration::from_secs(60);
/// Without a look for so long, nobody looks any more.
const QUIET: Duration = Duration::from_millis(500);

/// How many.
#[derive(Debug, clap::Args)]
pub struct Restart {
    #[command(flatten)]
    size: Size,
    /// Calls that arrive in a second
    #[arg(long, default_value_t = 2_000.0)]
    arrivals: f64,
}

impl Scenario for Restart {
    const NAME: &'static str = "restart";

    fn figures(&self, _: &stage::Place) -> Vec<Figure> {
        [PARKED, RECONCILED, RELEASE_ALL].into_iter().chain(RELEASE.all()).collect()
    }

    async fn round(&self, on: &Round, found: &mut Found, rng: &mut Rng) -> anyhow::Result<()> {
        let redis = on.stage.own_redis().context("it takes a Redis that is started here")?;
        on.watch.phase("parking");
        let mut crowd = Crowd::park(&on.stage, &self.size, self.arrivals, rng).await?;
        found.note(PARKED, on.stage.open.count() as f64);

        on.watch.phase("Redis restarts");
        let before = looks(&on.stage).await?;
        redis.crash(AWAY).await?;
        while redis.tell("PING").await.is_err() {
            sleep(PAUSE).await;
        }
        let back = Instant::now();
        let (mut seen, mut last) = (before, back);
        // Some may look twice: it is over when all could have looked, and nobody does any more.
        while seen - before < self.size.parked as f64 || last.elapsed() < QUIET {
            ensure!(back.elapsed() < PATIENCE, "not every call is looked at");
            sleep(PAUSE).await;
            let now = looks(&on.stage).await?;
            if now > seen {
                (seen, last) = (now, Instant::now());
            }
        }
        found.note(RECONCILED, (last - back).as_secs_f64() * 1e3);

        on.watch.phase("releasing");
        let waiting = crowd.seen(&on.stage).await?;
        let released = crowd.release(&on.stage, waiting, rng, found).await?;
        found.note(RELEASE_ALL, released.all.as_secs_f64());
        found.latencies(RELEASE, released.lags);
        Ok(())
    }
}

/// How many records were looked at, by all replicas together, and were there. Who claims looks too.
async fn looks(stage: &Stage) -> anyhow::Result<f64> {
    let mut looks = 0.0;
    for transition in ["look", "claim"] {
        let count = |name: &str| format!("holdpoint_store_{name}{{transition=\"{transition}\"}}");
        looks += stage.reviewers.metric(&count("seconds_count")).await?;
        looks -= stage.reviewers.metric(&count("errors_total")).await?;
    }
    Ok(looks)
}
