//! The scenario `flow`: calls come when they come, people take their time, and decide at another replica.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::{Either, select};
use hdrhistogram::Histogram;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::{Instant, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::figures::{
    CYCLES, DECISION, EMBEDDED, EMBEDDED_P50, EMBEDDED_P99, Figure, Found, REDIS_CYCLE, RELEASE,
    REPLICA_CYCLE, histogram, millis,
};
use crate::gateway::Verdict;
use crate::local::span;
use crate::measure::Span;
use crate::reviewers::Waiting;
use crate::run::{Round, Scenario};
use crate::stage::{self, Stage};
use crate::{arrivals, check};

/// How often reviewers look for new calls.
const LOOK: Duration = Duration::from_millis(100);

/// How much, and how slow people are.
#[derive(Debug, Clone, clap::Args)]
pub struct Flow {
    /// Calls that arrive in a second
    #[arg(long, default_value_t = 100.0)]
    pub rate: f64,
    /// Half of the decisions take longer than this
    #[arg(long, default_value = "2s", value_parser = span)]
    pub thinking: Duration,
    /// Bytes of each call's body
    #[arg(long, default_value_t = 1536)]
    pub body: usize,
    #[command(flatten)]
    pub span: Span,
    /// Compare with one replica on the embedded store
    #[arg(long, conflicts_with_all = ["gate", "embedded"])]
    pub yardstick: bool,
}

/// What came of it.
struct Flown {
    lags: Histogram<u64>,
    decisions: Histogram<u64>,
    errors: Vec<String>,
}

impl Scenario for Flow {
    const NAME: &'static str = "flow";

    fn figures(&self, stage: &stage::Place) -> Vec<Figure> {
        let mut figures = vec![CYCLES];
        figures.extend(stage.knows_replicas().then_some(REPLICA_CYCLE));
        figures.extend(stage.knows_redis().then_some(REDIS_CYCLE));
        figures.extend(RELEASE.all().chain(DECISION.all()));
        if self.yardstick {
            figures.extend([EMBEDDED_P50, EMBEDDED_P99].into_iter().chain(EMBEDDED.all()));
        }
        figures
    }

    async fn round(&self, on: &Round, found: &mut Found, rng: &mut Rng) -> anyhow::Result<()> {
        on.watch.phase("flowing");
        let before = on.stage.usage()?;
        let flown = self.run(&on.stage, rng).await?;
        let after = on.stage.usage()?;
        found.note(CYCLES, flown.lags.len() as f64 / self.span.seconds);
        let all = self.rate * (self.span.warm_up + self.span.seconds);
        let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / all;
        if !on.stage.replicas.is_empty() {
            found.note(REPLICA_CYCLE, each((after.0 - before.0).cpu));
        }
        if on.stage.redis.is_some() {
            found.note(REDIS_CYCLE, each((after.1 - before.1).cpu));
        }
        if self.yardstick {
            on.watch.phase("flowing, embedded store");
            let embedded = self.run(&Arc::new(Stage::set(&on.args.embedded()).await?), rng).await?;
            for (figure, share) in [(EMBEDDED_P50, 0.5), (EMBEDDED_P99, 0.99)] {
                found.note(figure, millis(&flown.lags, share) / millis(&embedded.lags, share));
            }
            found.errors.extend(embedded.errors);
            found.latencies(EMBEDDED, embedded.lags);
        }
        found.errors.extend(flown.errors);
        found.latencies(RELEASE, flown.lags);
        found.latencies(DECISION, flown.decisions);
        Ok(())
    }
}

impl Flow {
    async fn run(&self, stage: &Arc<Stage>, rng: &mut Rng) -> anyhow::Result<Flown> {
        let desk = Arc::new(Desk::default());
        let looking = tokio::spawn(look(Arc::clone(stage), Arc::clone(&desk)));
        let (sender, mut ends) = unbounded_channel();
        let from = Instant::now() + Duration::from_secs_f64(self.span.warm_up);
        let count = (self.rate * (self.span.warm_up + self.span.seconds)).ceil();
        let gaps = arrivals::gaps(self.rate, rng.fork()).take(count as usize);
        let arrive = {
            let (stage, desk, mut rng) = (Arc::clone(stage), Arc::clone(&desk), rng.fork());
            let (thinking, body) = (self.thinking, self.body);
            move |call, due: Instant| {
                let decide_at = due + arrivals::thinking(thinking, &mut rng);
                let decider = stage.decides(call, &mut rng);
                let one = Call { call, body, decide_at, decider, counts: due >= from };
                tokio::spawn(one.live(Arc::clone(&stage), Arc::clone(&desk), sender.clone()));
            }
        };
        arrivals::run(gaps, arrive).await?;
        // What is left is decided at once, and not counted: together it would be a burst.
        desk.closing.cancel();
        let mut flown = Flown { lags: histogram()?, decisions: histogram()?, errors: Vec::new() };
        while let Some(end) = ends.recv().await {
            match end {
                Ok(Some(Lived { lag, decision })) => {
                    flown.lags.saturating_record(lag.as_nanos() as u64);
                    flown.decisions.saturating_record(decision.as_nanos() as u64);
                }
                Ok(None) => {}
                Err(error) => flown.errors.push(error),
            }
        }
        looking.abort();
        Ok(flown)
    }
}

/// Where calls wait for a reviewer to see them.
#[derive(Default)]
struct Desk {
    unseen: Mutex<HashMap<u64, oneshot::Sender<Waiting>>>,
    closing: CancellationToken,
}

impl Desk {
    fn unseen(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Waiting>>> {
        self.unseen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells each call when it is seen. Another replica is looked at each time.
async fn look(stage: Arc<Stage>, desk: Arc<Desk>) {
    let mut clock = interval(LOOK);
    for replica in (0..stage.gateways.len()).cycle() {
        clock.tick().await;
        match stage.reviewers.new_ones(replica, |call| desk.unseen().contains_key(&call)).await {
            Ok(waiting) => {
                for waiting in waiting {
                    if let Some(call) = desk.unseen().remove(&waiting.call) {
                        // Its Check may have ended in the meantime.
                        let _ = call.send(waiting);
                    }
                }
            }
            Err(error) => eprintln!("what waits cannot be listed: {error:#}"),
        }
    }
}

struct Call {
    call: u64,
    body: usize,
    decide_at: Instant,
    decider: usize,
    counts: bool,
}

struct Lived {
    lag: Duration,
    decision: Duration,
}

impl Call {
    /// From the Check to its answer. None where it does not count.
    async fn live(
        self,
        stage: Arc<Stage>,
        desk: Arc<Desk>,
        ends: UnboundedSender<Result<Option<Lived>, String>>,
    ) {
        let (seen, waiting) = oneshot::channel();
        desk.unseen().insert(self.call, seen);
        let end = self.wait(&stage, &desk, waiting).await;
        desk.unseen().remove(&self.call);
        // Nobody listens any more where the scenario has failed.
        let _ = ends.send(end.map_err(|error| format!("call {}: {error}", self.call)));
    }

    async fn wait(
        &self,
        stage: &Stage,
        desk: &Desk,
        waiting: oneshot::Receiver<Waiting>,
    ) -> Result<Option<Lived>, String> {
        let ask = pin!(stage.ask(self.call, check::migration(self.call, self.body)));
        let ready = async {
            let waiting = waiting.await.map_err(|_| "nobody looks any more")?;
            desk.closing.run_until_cancelled(sleep_until(self.decide_at)).await;
            Ok::<_, String>(waiting)
        };
        let (waiting, ask) = match select(ask, pin!(ready)).await {
            Either::Left((answer, _)) => return Err(format!("it does not wait: {:?}", answer.verdict)),
            Either::Right((waiting, ask)) => (waiting?, ask),
        };
        let counts = self.counts && !desk.closing.is_cancelled();
        let sent = Instant::now();
        let decide = async {
            let decided = stage.reviewers.approve(self.decider, &waiting).await;
            decided.map(|()| sent.elapsed()).map_err(|error| format!("{error:#}"))
        };
        let (answer, decision) = tokio::join!(ask, decide);
        let decision = decision?;
        if answer.verdict != Verdict::Passed {
            return Err(format!("it is not let go: {:?}", answer.verdict));
        }
        Ok(counts.then(|| Lived { lag: answer.at - sent, decision }))
    }
}
