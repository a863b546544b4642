//! What an operator may want to know of a Redis beside whether it is fit.

use std::time::{Duration, SystemTime};

use redis::aio::SendError;
use redis::cmd;
use tokio::time::{Instant, timeout};

use super::fitness::{self, examine};
use super::{RedisStore, Settings};

/// How long all questions may take.
const BOUND: Duration = Duration::from_secs(5);

/// What is known of a Redis; of a cluster, of the node with the least.
#[derive(Debug)]
pub struct Checkup {
    /// Its version.
    pub version: String,
    /// Why approvals cannot be kept in it.
    pub unfit: Option<String>,
    /// Whether it would come back from a restart with what was written; none where it does not say.
    pub persists: Option<bool>,
    /// How many replicas follow it.
    pub replicas: u32,
    /// How long one answer takes.
    pub latency: Duration,
    /// How far its clock is from ours, beside what the answer took.
    pub clock_apart: Duration,
    /// As whom we are logged in, where we may ask.
    pub user: Option<String>,
}

impl RedisStore {
    /// Asks the Redis of these settings about itself.
    ///
    /// # Errors
    /// It cannot be reached, in words.
    pub async fn checkup(settings: &Settings) -> Result<Checkup, String> {
        let topology = settings.topology().map_err(|error| error.to_string())?;
        let asked = async {
            let lines = topology.connect(|_| Ok::<_, SendError>(())).await?;
            let mut connection = lines.shared();
            let texts = fitness::info(&mut connection).await?;
            let examined = examine(&mut connection).await?;
            let started = Instant::now();
            cmd("PING").exec_async(&mut connection).await?;
            let latency = started.elapsed();
            let (seconds, micros): (u64, u64) = cmd("TIME").query_async(&mut connection).await?;
            let theirs = Duration::from_secs(seconds) + Duration::from_micros(micros);
            let ours = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
            let user = cmd("ACL").arg("WHOAMI").query_async(&mut connection).await.ok();
            let replicas =
                texts.iter().map(|text| fitness::field(text, "connected_slaves").parse().unwrap_or(0));
            Ok::<_, redis::RedisError>(Checkup {
                version: texts
                    .first()
                    .map(|text| fitness::field(text, "redis_version").to_owned())
                    .unwrap_or_default(),
                persists: examined.as_ref().ok().and_then(|fit| fit.persists),
                unfit: examined.err().map(|unfit| unfit.to_string()),
                replicas: replicas.min().unwrap_or(0),
                latency,
                clock_apart: ours.abs_diff(theirs).saturating_sub(latency),
                user,
            })
        };
        match timeout(BOUND, asked).await {
            Ok(Ok(checkup)) => Ok(checkup),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {BOUND:?}")),
        }
    }
}
