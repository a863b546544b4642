//! The scenario `burst`: calls come at once, and are let go at once.

use std::time::Duration;

use fastrand::Rng;

use crate::crowd::{Crowd, Size};
use crate::figures::{
    BARE_SCRIPT, CYCLES, DECISION, Figure, Found, PARK_RATE, REDIS_CYCLE, RELEASE, RELEASE_ALL,
    REPLICA_CYCLE, REPLICA_MEMORY, SCRIPT_RATIO,
};
use crate::local::redis::Redis;
use crate::run::{Round, Scenario};
use crate::{script, stage};

/// How many.
#[derive(Debug, clap::Args)]
pub struct Burst {
    #[command(flatten)]
    size: Size,
    /// Calls that arrive in a second [default: all at once]
    #[arg(long, default_value_t = f64::INFINITY, hide_default_value = true)]
    arrivals: f64,
    /// Compare with what redis-benchmark reaches with a bare script on the Redis that is started here
    #[arg(long, conflicts_with_all = ["gate", "embedded"])]
    yardstick: bool,
}

impl Scenario for Burst {
    const NAME: &'static str = "burst";

    fn figures(&self, stage: &stage::Place) -> Vec<Figure> {
        let mut figures = vec![PARK_RATE, RELEASE_ALL, CYCLES];
        figures.extend(self.yardstick.then_some([BARE_SCRIPT, SCRIPT_RATIO]).into_iter().flatten());
        figures
            .extend(stage.knows_replicas().then_some([REPLICA_MEMORY, REPLICA_CYCLE]).into_iter().flatten());
        figures.extend(stage.knows_redis().then_some(REDIS_CYCLE));
        figures.extend(DECISION.all().chain(RELEASE.all()));
        figures
    }

    async fn round(&self, on: &Round, found: &mut Found, rng: &mut Rng) -> anyhow::Result<()> {
        let bare = match on.stage.own_redis().and_then(Redis::port) {
            Some(port) if self.yardstick => {
                on.watch.phase("redis-benchmark");
                Some(script::rate(port, self.size.body).await?)
            }
            _ => None,
        };
        let idle = on.stage.usage()?;
        on.watch.phase("parking");
        let mut crowd = Crowd::park(&on.stage, &self.size, self.arrivals, rng).await?;
        let parked = on.stage.usage()?;

        // Not counted: a reviewer lists what is new, and not everything for each decision.
        on.watch.phase("listing");
        let waiting = crowd.seen(&on.stage).await?;
        let listed = on.stage.usage()?;

        on.watch.phase("releasing");
        let parking = crowd.parking;
        let released = crowd.release(&on.stage, waiting, rng, found).await?;
        let done = on.stage.usage()?;
        let calls = self.size.parked as f64;
        let cycles = calls / (parking + released.all).as_secs_f64();
        found.note(PARK_RATE, calls / parking.as_secs_f64());
        found.note(RELEASE_ALL, released.all.as_secs_f64());
        found.note(CYCLES, cycles);
        if let Some(bare) = bare {
            found.note(BARE_SCRIPT, bare);
            found.note(SCRIPT_RATIO, cycles / bare);
        }
        let each = |parking: Duration, releasing: Duration| (parking + releasing).as_secs_f64() * 1e6 / calls;
        if !on.stage.replicas.is_empty() {
            found.note(REPLICA_MEMORY, (parked.0 - idle.0).rss / calls);
            found.note(REPLICA_CYCLE, each((parked.0 - idle.0).cpu, (done.0 - listed.0).cpu));
        }
        if on.stage.redis.is_some() {
            found.note(REDIS_CYCLE, each((parked.1 - idle.1).cpu, (done.1 - listed.1).cpu));
        }
        found.latencies(RELEASE, released.lags);
        found.latencies(DECISION, released.decisions);
        Ok(())
    }
}
