//! Many calls that wait at once, and are let go at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use fastrand::Rng;
use hdrhistogram::Histogram;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::check;
use crate::figures::{Found, histogram};
use crate::gateway::{Answer, Verdict};
use crate::reviewers::Waiting;
use crate::stage::Stage;

/// Without a call more for so long, no more are awaited.
const STALLED: Duration = Duration::from_secs(60);
/// How often it is asked whether all are parked.
const LOOK: Duration = Duration::from_millis(20);

/// How many calls, and how they come and go.
#[derive(Debug, Clone, clap::Args)]
pub struct Size {
    /// Calls that wait at once
    #[arg(long, default_value_t = 10_000)]
    pub parked: u64,
    /// Bytes of each call's body
    #[arg(long, default_value_t = 1536)]
    pub body: usize,
    /// Decisions that are under way at once
    #[arg(long, default_value_t = 64)]
    pub reviewers: usize,
}

/// Calls that wait.
pub struct Crowd {
    size: Size,
    answers: UnboundedReceiver<(u64, Answer)>,
    /// Calls that were answered although nobody has decided.
    lost: Vec<String>,
    /// How long it took until all were parked.
    pub parking: Duration,
}

/// What letting them go was like.
pub struct Released {
    /// From sending a decision to the Check's answer.
    pub lags: Histogram<u64>,
    /// From sending a decision to its own answer.
    pub decisions: Histogram<u64>,
    /// From the first decision to the last answer.
    pub all: Duration,
}

impl Crowd {
    /// Parks calls, so many a second, and waits until all of them are.
    pub async fn park(stage: &Arc<Stage>, size: &Size, arrivals: f64, rng: &mut Rng) -> anyhow::Result<Self> {
        let (sender, answers) = unbounded_channel();
        let (stage_of_calls, body) = (Arc::clone(stage), size.body);
        let began = Instant::now();
        let gaps = crate::arrivals::gaps(arrivals, rng.fork()).take(size.parked as usize);
        let arrive = move |call, _| {
            let (stage, sender) = (Arc::clone(&stage_of_calls), sender.clone());
            tokio::spawn(async move {
                let answer = stage.ask(call, check::migration(call, body)).await;
                // Nobody listens any more where the scenario has failed.
                let _ = sender.send((call, answer));
            });
        };
        crate::arrivals::run(gaps, arrive).await?;
        let mut crowd = Self { size: size.clone(), answers, lost: Vec::new(), parking: Duration::ZERO };
        crowd.settle(stage).await?;
        crowd.parking = began.elapsed();
        Ok(crowd)
    }

    async fn settle(&mut self, stage: &Stage) -> anyhow::Result<()> {
        let (mut most, mut moved) = (0, Instant::now());
        loop {
            let parked = stage.reviewers.count().await?;
            if parked as u64 >= self.left() {
                return Ok(());
            }
            if parked > most {
                (most, moved) = (parked, Instant::now());
            } else if moved.elapsed() > STALLED {
                bail!("only {most} of {} calls are parked", self.size.parked);
            }
            sleep(LOOK).await;
        }
    }

    /// How many wait: all that were not answered yet.
    fn left(&mut self) -> u64 {
        while let Ok((call, answer)) = self.answers.try_recv() {
            self.lost.push(format!("call {call} does not wait: {:?}", answer.verdict));
        }
        self.size.parked - self.lost.len() as u64
    }

    /// What reviewers see of them: all, after a while at the latest.
    pub async fn seen(&mut self, stage: &Stage) -> anyhow::Result<Vec<Waiting>> {
        let until = Instant::now() + STALLED;
        loop {
            let waiting = stage.reviewers.all(0).await.context("what waits cannot be listed")?;
            if waiting.len() as u64 >= self.left() {
                return Ok(waiting);
            }
            if Instant::now() > until {
                bail!("reviewers see only {} of {} calls", waiting.len(), self.size.parked);
            }
            sleep(LOOK).await;
        }
    }

    /// Approves all of them as fast as the reviewers can, and waits for the last answer.
    pub async fn release(
        mut self,
        stage: &Arc<Stage>,
        waiting: Vec<Waiting>,
        rng: &mut Rng,
        found: &mut Found,
    ) -> anyhow::Result<Released> {
        let began = Instant::now();
        let left = Arc::new(Mutex::new(waiting));
        let mut reviewers = JoinSet::new();
        for _ in 0..self.size.reviewers {
            reviewers.spawn(review(Arc::clone(stage), Arc::clone(&left), rng.fork()));
        }
        let mut sent = vec![None; self.size.parked as usize];
        let (mut decisions, mut lags) = (histogram()?, histogram()?);
        while let Some(decided) = reviewers.join_next().await {
            for Decided { call, at, took } in decided?? {
                sent[call as usize] = Some(at);
                decisions.saturating_record(took.as_nanos() as u64);
            }
        }
        let mut last = began;
        let awaited = self.size.parked - self.lost.len() as u64;
        found.errors.append(&mut self.lost);
        for _ in 0..awaited {
            let answer = timeout(STALLED, self.answers.recv()).await.context("some are never let go")?;
            let Some((call, answer)) = answer else { break };
            let (Some(sent), Verdict::Passed) = (sent[call as usize], &answer.verdict) else {
                found.errors.push(format!("call {call} is not let go: {:?}", answer.verdict));
                continue;
            };
            lags.saturating_record((answer.at - sent).as_nanos() as u64);
            last = last.max(answer.at);
        }
        Ok(Released { lags, decisions, all: last - began })
    }
}

struct Decided {
    call: u64,
    at: Instant,
    took: Duration,
}

/// One reviewer, who takes the next of those that are left.
async fn review(
    stage: Arc<Stage>,
    left: Arc<Mutex<Vec<Waiting>>>,
    mut rng: Rng,
) -> anyhow::Result<Vec<Decided>> {
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut decided = Vec::new();
    while let Some(waiting) = next() {
        let (call, at) = (waiting.call, Instant::now());
        stage.reviewers.approve(stage.decides(call, &mut rng), &waiting).await?;
        decided.push(Decided { call, at, took: at.elapsed() });
    }
    Ok(decided)
}
