//! Looks on while a scenario runs: a line that tells how far it is, and what is used from moment to moment.

use std::io::{IsTerminal, Write, stderr};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use crate::stage::Stage;

/// How often.
const EVERY: Duration = Duration::from_millis(250);

/// What was seen at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sample {
    /// Seconds since the run began.
    pub at: f64,
    /// Checks under way.
    pub open: u64,
    /// RSS of the replicas in MiB.
    pub replicas: f64,
    /// RSS of Redis in MiB.
    pub redis: f64,
    /// CPU of the replicas since the last one, in percent of one core.
    pub replicas_cpu: f64,
    /// CPU of Redis since the last one.
    pub redis_cpu: f64,
}

/// Somebody who looks on.
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

#[derive(Default)]
struct Seen {
    phase: &'static str,
    samples: Vec<Sample>,
}

impl Watch {
    /// Begins; each line starts with the title.
    pub fn begin(stage: Arc<Stage>, title: String) -> Self {
        let (seen, stop) = (Arc::<Mutex<Seen>>::default(), CancellationToken::new());
        let task = tokio::spawn(look_on(stage, title, Arc::clone(&seen), stop.clone()));
        Self { seen, stop, task }
    }

    /// Says what goes on from now on.
    pub fn phase(&self, name: &'static str) {
        lock(&self.seen).phase = name;
    }

    /// What was seen until now.
    pub fn samples(&self) -> Vec<Sample> {
        lock(&self.seen).samples.clone()
    }

    /// What was seen.
    pub async fn end(self) -> anyhow::Result<Vec<Sample>> {
        self.stop.cancel();
        self.task.await??;
        Ok(mem::take(&mut lock(&self.seen).samples))
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn look_on(
    stage: Arc<Stage>,
    title: String,
    seen: Arc<Mutex<Seen>>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let (mut last, mut told) = ((began, stage.usage()?), "");
    let mut clock = interval(EVERY);
    while stop.run_until_cancelled(clock.tick()).await.is_some() {
        let (now, usage) = (Instant::now(), stage.usage()?);
        let (since, before) = mem::replace(&mut last, (now, usage));
        let percent = |cpu: Duration| 100.0 * cpu.as_secs_f64() / (now - since).as_secs_f64().max(0.001);
        let sample = Sample {
            at: (now - began).as_secs_f64(),
            open: stage.open.count(),
            replicas: usage.0.rss / 1024.0,
            redis: usage.1.rss / 1024.0,
            replicas_cpu: percent((usage.0 - before.0).cpu),
            redis_cpu: percent((usage.1 - before.1).cpu),
        };
        let mut seen = lock(&seen);
        tell(&title, seen.phase, &sample, mem::replace(&mut told, seen.phase) != seen.phase);
        seen.samples.push(sample);
    }
    if stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    Ok(())
}

/// On a terminal one line that changes, else a line for each phase.
fn tell(title: &str, phase: &str, sample: &Sample, is_new: bool) {
    let Sample { at, open, replicas, redis, replicas_cpu, redis_cpu } = sample;
    let line = format!(
        "{title} {at:>6.1} s  {phase:<24} {open:>7} open  replicas {replicas:>5.0} MiB {replicas_cpu:>3.0} %  \
         redis {redis:>5.0} MiB {redis_cpu:>3.0} %"
    );
    if stderr().is_terminal() {
        eprint!("\r\x1b[K{line}");
        // Nobody looks where it fails.
        let _ = stderr().flush();
    } else if is_new {
        eprintln!("{line}");
    }
}
