//! The scenario `pass`: Checks that nobody has to be asked about, and the same at a bare server.

use std::sync::Arc;

use fastrand::Rng;

use crate::echo::EchoProcess;
use crate::figures::{
    CHECK_CPU, CHECKS, CHECKS_RATIO, CLOSED_P99_RATIO, ECHO, ECHO_CHECKS, Figure, Found, IDLE, LATE,
    P99_RATIO, PASS, START, millis,
};
use crate::measure::{Span, closed_loop, open_loop};
use crate::run::{Round, Scenario};
use crate::stage::{self, Stage};

/// How much.
#[derive(Debug, clap::Args)]
pub struct Pass {
    /// Checks that arrive in a second, in the open loop
    #[arg(long, default_value_t = 4_000.0)]
    rate: f64,
    /// Checks that are under way at once, in the closed loop
    #[arg(long, default_value_t = 64)]
    at_once: u64,
    #[command(flatten)]
    span: Span,
}

impl Scenario for Pass {
    const NAME: &'static str = "pass";

    fn figures(&self, stage: &stage::Place) -> Vec<Figure> {
        let mut figures = vec![CHECKS, ECHO_CHECKS, CHECKS_RATIO, CLOSED_P99_RATIO, P99_RATIO];
        figures.extend(PASS.all().chain(ECHO.all()).chain(LATE.all()));
        figures.extend(stage.knows_replicas().then_some(CHECK_CPU));
        figures.extend(stage.is_local().then_some([START, IDLE]).into_iter().flatten());
        figures
    }

    /// By turns, so that a machine that is slow for a while is slow for both.
    async fn round(&self, on: &Round, found: &mut Found, rng: &mut Rng) -> anyhow::Result<()> {
        if let Some(start) = on.stage.start {
            found.note(START, start.as_secs_f64() * 1e3);
            found.note(IDLE, on.stage.usage()?.0.rss / 1024.0 / on.stage.replicas.len() as f64);
        }
        let echo = EchoProcess::start()?;
        let bare = Arc::new(Stage::bare(&on.args, &echo.url)?);

        on.watch.phase("closed loop");
        let before = on.stage.usage()?.0;
        let (checks, closed) = closed_loop(&on.stage, self.at_once, self.span).await?;
        let used = on.stage.usage()?.0 - before;
        on.watch.phase("closed loop, bare server");
        let (echo_checks, closed_echo) = closed_loop(&bare, self.at_once, self.span).await?;
        found.note(CHECKS, checks);
        found.note(ECHO_CHECKS, echo_checks);
        found.note(CHECKS_RATIO, checks / echo_checks);
        found.note(CLOSED_P99_RATIO, millis(&closed, 0.99) / millis(&closed_echo, 0.99));
        if !on.stage.replicas.is_empty() {
            let all = checks * (self.span.warm_up + self.span.seconds);
            found.note(CHECK_CPU, used.cpu.as_secs_f64() * 1e6 / all);
        }

        on.watch.phase("open loop");
        let passed = open_loop(&on.stage, self.rate, self.span, rng).await?;
        on.watch.phase("open loop, bare server");
        let echoed = open_loop(&bare, self.rate, self.span, rng).await?;
        found.note(P99_RATIO, millis(&passed.latencies, 0.99) / millis(&echoed.latencies, 0.99));
        found.errors.extend(passed.errors);
        found.latencies(PASS, passed.latencies);
        found.latencies(LATE, passed.late);
        found.latencies(ECHO, echoed.latencies);
        Ok(())
    }
}
