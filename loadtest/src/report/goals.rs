//! What is to be reached.

use super::Runs;
use crate::figures::Unit;
use crate::figures::assertion::Assertion;
use crate::figures::comparison::Spread;
use crate::output::record::Record;

/// Something to be reached.
pub struct Goal {
    /// In words.
    pub what: &'static str,
    /// In which run it shows.
    run: &'static str,
    /// A figure and its bound.
    reach: &'static str,
    /// The figure is divided by that of another run.
    against: Option<&'static str>,
}

const fn goal(what: &'static str, run: &'static str, reach: &'static str) -> Goal {
    Goal { what, run, reach, against: None }
}

/// All of them.
pub const GOALS: [Goal; 18] = [
    goal(
        "a Check that passes, against a bare gRPC server of the same messages",
        "pass",
        "checks_ratio >= 0.85",
    ),
    goal("the same: 99 % in the closed loop", "pass", "closed_p99_ratio <= 1.3"),
    goal("the same: 99 % at the same rate", "pass", "p99_ratio <= 1.3"),
    goal("a Check that passes with 50,000 parked, against none", "mixed", "p99_ratio <= 1.2"),
    goal("100,000 calls held by one replica", "park-100000", "errors = 0"),
    goal("the same: memory of the replica, each", "park-100000", "replica_per_call <= 7KiB"),
    goal("the same: memory of Redis, each, for a call of 1.5 KiB", "park-100000", "redis_per_call <= 2.7KiB"),
    goal("memory of the replica after 10,000 that came at once, each", "burst", "replica_per_call <= 7KiB"),
    goal("cycles, against a bare script in redis-benchmark", "burst", "script_ratio >= 0.2"),
    goal("CPU of Redis a cycle", "burst", "redis_cycle <= 60us"),
    goal(
        "decided at one replica, answered at another, against the embedded store",
        "flow",
        "embedded_p50_ratio <= 1.6",
    ),
    goal("the same", "flow", "embedded_p99_ratio <= 2"),
    goal("Redis is back after a restart: all of 10,000 calls looked at", "restart", "reconciled <= 500ms"),
    goal("10,000 released at once: the last one is out", "burst", "release_all <= 2s"),
    goal("first page of the list with 100,000 pending", "park-100000", "list_p99 <= 20ms"),
    Goal {
        against: Some("park-100"),
        ..goal("the same, against 100 pending", "park-100000", "list_p99 <= 2")
    },
    goal("start to ready", "pass", "start <= 200ms"),
    goal("memory of an idle replica", "pass", "idle <= 25MiB"),
];

impl Goal {
    /// The figure and its bound, for people.
    pub fn parts(&self) -> (String, &'static str) {
        let (figure, bound) = self.reach.split_once(' ').unwrap_or((self.reach, ""));
        match self.against {
            Some(run) => (format!("`{figure}` against that of {run}"), bound),
            None => (format!("`{figure}` of {}", self.run), bound),
        }
    }

    /// What was found, and whether that is enough; none where it was not measured.
    pub fn found(&self, runs: &Runs) -> anyhow::Result<Option<(f64, Unit, bool)>> {
        let assertion: Assertion = self.reach.parse()?;
        let of = |run: &str| runs.get(run).and_then(|run| value(run, assertion.figure()));
        let Some((value, unit)) = of(self.run) else { return Ok(None) };
        let (value, unit) = match self.against {
            None => (value, unit),
            Some(other) => {
                let Some((other, _)) = of(other) else { return Ok(None) };
                (value / other, Unit::Number)
            }
        };
        Ok(Some((value, unit, assertion.holds(value, unit))))
    }
}

fn value(run: &Record, figure: &str) -> Option<(f64, Unit)> {
    let figure = run.figure(figure)?;
    Some((Spread::of(&figure.values)?.median, figure.unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_goal_can_be_read() {
        for goal in &GOALS {
            let read: Result<Assertion, _> = goal.reach.parse();
            assert!(read.is_ok(), "{}", goal.reach);
        }
    }
}
