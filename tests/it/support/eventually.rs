//! Waiting for a condition, with a bound.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Long enough for a failover on a slow machine.
const BOUND: Duration = Duration::from_secs(40);
const PAUSE: Duration = Duration::from_millis(20);

/// What `probe` finds, as soon as it finds something; a panic that names `what` if it never does.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + BOUND;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < end, "waited {BOUND:?} in vain for {what}");
        sleep(PAUSE).await;
    }
}

/// Waits until the answer is yes.
pub async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    eventually(what, async || ask().await.then_some(())).await;
}
