//! A decision that falls between parking and listening.

use std::sync::Arc;
use std::time::Duration;

use holdpoint::approvals::{Approvals, Settings, Waiters};
use holdpoint::clock::SystemClock;
use holdpoint::domain::approval::Departure;
use holdpoint::domain::outcome::Outcome;
use holdpoint::domain::sample;
use tokio::time::{Instant, timeout};

use super::super::stage::{Kind, attempt};
use super::call_of;
use super::meddler::{Meddler, Moment};
use super::rounds;

/// How long all rounds of a moment may take. Were decisions only seen by the safety net, once a second, it would be
/// far longer.
const ALL_ROUNDS: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(600);

pub async fn decide_between_park_and_look(kind: Kind) {
    for moment in [Moment::BeforeTheReplyOfPark, Moment::BeforeListening, Moment::AfterListening] {
        let waiters = Arc::new(Waiters::default());
        let stage = kind.stage_that_rings(waiters.clone()).await;
        let store = Arc::new(Meddler { inner: Arc::clone(&stage.here), moment });
        let replica = stage.replica();
        let settings = Settings::new(LONG, sample::UNLIMITED);
        let approvals = Approvals::new(store, waiters, Arc::new(SystemClock), replica, settings);
        let all = async {
            for round in rounds().step_by(4) {
                let call = call_of(round);
                // Taken up, it is listened for after it was parked; a record of its own, before.
                if moment != Moment::BeforeTheReplyOfPark {
                    let first = stage.park(&call).await;
                    stage.here.detach(&first.id, attempt(&first), Departure::CallerGone).await.unwrap();
                }
                let outcome = approvals.hold(call, None, Instant::now() + LONG).await;
                assert!(matches!(outcome, Outcome::Released(_)), "{outcome:?}");
            }
        };
        timeout(ALL_ROUNDS.max(ALL_ROUNDS * rounds().len() as u32 / 1000), all)
            .await
            .expect("every decision is heard");
    }
}
