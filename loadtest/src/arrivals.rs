//! When calls arrive: by a clock that waits for nobody, as callers who do not know of each other.

use std::time::Duration;
use std::{iter, thread};

use anyhow::Context;
use fastrand::Rng;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

/// Gaps between the arrivals of a Poisson process of so many a second, that is, exponentially distributed.
pub fn gaps(rate: f64, mut rng: Rng) -> impl Iterator<Item = Duration> + Send {
    iter::repeat_with(move || Duration::from_secs_f64(-(1.0 - rng.f64()).ln() / rate))
}

/// Calls `arrive` for each gap with when that was meant to be. A latency that is counted from then has in it what an
/// answer was waited for that was late only because the one before was.
///
/// The clock is a thread, because the runtime's timers are a millisecond coarse.
pub async fn run(
    gaps: impl Iterator<Item = Duration> + Send + 'static,
    mut arrive: impl FnMut(u64, Instant) + Send + 'static,
) -> anyhow::Result<()> {
    let runtime = Handle::current();
    let clock = move || {
        let _entered = runtime.enter();
        let mut due = Instant::now();
        for (number, gap) in (0..).zip(gaps) {
            due += gap;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            arrive(number, due);
        }
    };
    spawn_blocking(clock).await.context("the clock of arrivals broke")
}

/// How long a person thinks about a decision: log-normal, half of them take longer than `median`.
pub fn thinking(median: Duration, rng: &mut Rng) -> Duration {
    /// Most think between a third and three times as long.
    const SPREAD: f64 = 1.0;
    // Box and Muller: a normally distributed number out of two evenly distributed ones.
    let normal = (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
    median.mul_f64((SPREAD * normal).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(times: impl Iterator<Item = Duration>) -> Vec<f64> {
        let mut seconds: Vec<f64> = times.map(|time| time.as_secs_f64()).collect();
        seconds.sort_by(f64::total_cmp);
        seconds
    }

    #[test]
    fn arrivals_have_their_rate_and_their_spread() {
        let gaps = seconds(gaps(200.0, Rng::with_seed(1)).take(100_000));
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        assert!((0.0049..0.0051).contains(&mean), "{mean}");
        let median = gaps[gaps.len() / 2];
        let of_a_poisson_process = 2_f64.ln() / 200.0;
        assert!((median / of_a_poisson_process - 1.0).abs() < 0.03, "{median}");
    }

    #[test]
    fn the_same_seed_makes_the_same_arrivals() {
        let three = |seed| gaps(10.0, Rng::with_seed(seed)).take(3).collect::<Vec<_>>();
        assert_eq!(three(7), three(7));
        assert_ne!(three(7), three(8));
    }

    #[test]
    fn half_of_the_decisions_take_longer_than_the_median() {
        let mut rng = Rng::with_seed(1);
        let times =
            seconds(std::iter::repeat_with(|| thinking(Duration::from_secs(4), &mut rng)).take(10_001));
        assert!((3.8..4.2).contains(&times[5_000]), "{}", times[5_000]);
        // One standard deviation: a factor of e.
        assert!((9.9..12.0).contains(&times[8_413]), "{}", times[8_413]);
    }

    #[tokio::test]
    async fn who_is_late_does_not_delay_the_others() {
        let gap = Duration::from_millis(5);
        let started = Instant::now();
        let (sender, receiver) = std::sync::mpsc::channel();
        let arrive = move |number, due| {
            if number == 0 {
                thread::sleep(Duration::from_millis(40));
            }
            sender.send(due).expect("somebody listens");
        };
        run(iter::repeat_n(gap, 10), arrive).await.expect("a clock");
        let due: Vec<Instant> = receiver.iter().collect();
        assert!(due.windows(2).all(|two| two[1] - two[0] == gap));
        assert!(due[0] - started < Duration::from_millis(40));
    }
}
