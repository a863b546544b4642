//! Waiting for a condition, with a bound.

use std::time::{Duration, Instant};

/// Long enough for a slow machine; only a failing test waits that long.
pub const BOUND: Duration = Duration::from_secs(10);

/// Asks again and again until the answer is some.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < BOUND, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
