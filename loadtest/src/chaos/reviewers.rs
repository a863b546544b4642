//! Reviewers: they look at the queue of any replica and decide, by a choice that follows from the seed.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::admin::{Admin, Approval, Reply};
use super::history::{Call, Event, History, Verdict};

/// One call in so many is to be rejected.
const REJECTED: u64 = 4;
/// One decision in so many meets another reviewer's contrary one, at another replica at once.
const CONTRARY: u64 = 15;
/// A decision that is not acknowledged is sent again for so long.
const INSIST: Duration = Duration::from_secs(30);
/// So many approvals are looked at together.
const PAGE: &str = "100";
/// How old what a reviewer looks at may be.
const STALE: Duration = Duration::from_secs(1);

/// All reviewers.
pub struct Reviewers {
    /// The admin sides, for each of them.
    pub admins: Vec<Admin>,
    /// How many replicas there are.
    pub replicas: usize,
    /// Where they note what they do and are told.
    pub history: History,
    /// What their choices follow from.
    pub seed: u64,
}

impl Reviewers {
    /// One reviewer, who decides about one approval in each `pace` until told to stop.
    pub async fn run(self: Arc<Self>, number: usize, mut rng: Rng, pace: Duration, stop: CancellationToken) {
        let mut pace = interval(pace);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            let order = if rng.bool() { "oldest" } else { "newest" };
            let query = [("order", order), ("page_size", PAGE)];
            let listed = self.admins[number].list(rng.usize(..self.replicas), &query).await;
            let mut approvals = listed.map(|page| page.approvals).unwrap_or_default();
            rng.shuffle(&mut approvals);
            let seen = Instant::now();
            for approval in approvals {
                if seen.elapsed() > STALE || stop.is_cancelled() {
                    break;
                }
                pace.tick().await;
                self.consider(number, &approval, &mut rng).await;
            }
            pace.tick().await;
        }
    }

    async fn consider(&self, number: usize, approval: &Approval, rng: &mut Rng) {
        let verdict = self.choice(approval.call());
        let decided = self.decide(number, approval, verdict, rng.fork());
        if rng.u64(..CONTRARY) == 0 {
            let contrary = match verdict {
                Verdict::Approve => Verdict::Reject,
                Verdict::Reject => Verdict::Approve,
            };
            let other = (number + 1) % self.admins.len();
            tokio::join!(decided, self.decide(other, approval, contrary, rng.fork()));
        } else {
            decided.await;
        }
    }

    /// What is to become of a call.
    fn choice(&self, call: Call) -> Verdict {
        match Rng::with_seed(self.seed ^ call).u64(..REJECTED) {
            0 => Verdict::Reject,
            _ => Verdict::Approve,
        }
    }

    /// Decides, as often as it takes until some replica answers.
    async fn decide(&self, number: usize, approval: &Approval, verdict: Verdict, mut rng: Rng) {
        let decision = Uuid::new_v4();
        let (id, call) = (approval.id.clone(), approval.call());
        self.history.note(Event::Decided { decision, approval: id, call, verdict });
        let until = Instant::now() + INSIST;
        while Instant::now() < until {
            let replica = rng.usize(..self.replicas);
            match self.admins[number].decide(replica, approval, decision, verdict).await {
                Reply::Told(told) => return self.history.note(Event::Told { decision, told }),
                Reply::Unsure => self.history.note(Event::Unsure { decision }),
                Reply::Unreached => {}
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}
