//! What this service does: hold a call, decide it, end what is overdue.

mod decide;
mod hold;
mod waiters;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::decide::{DecideError, Decision};
pub use self::waiters::Waiters;
use crate::clock::Clock;
use crate::domain::approval::Approval;
use crate::domain::ids::{ApprovalId, ReplicaId};
use crate::store::{ApprovalStore, Health, LEASE, Page, Query, StoreError};

/// How often a replica looks for what is overdue.
const SWEEP_EVERY: Duration = Duration::from_secs(2);

/// The held calls of all replicas, and the waiters of this one.
pub struct Approvals {
    store: Arc<dyn ApprovalStore>,
    waiters: Arc<Waiters>,
    clock: Arc<dyn Clock>,
    replica: ReplicaId,
    /// How long a call waits for a store that does not answer.
    patience: Duration,
    /// Detachments that go on after their Check is gone.
    tasks: TaskTracker,
    draining: CancellationToken,
}

impl Approvals {
    /// The approvals in this store. `waiters` are what the store rings.
    pub fn new(
        store: Arc<dyn ApprovalStore>,
        waiters: Arc<Waiters>,
        clock: Arc<dyn Clock>,
        replica: ReplicaId,
        patience: Duration,
    ) -> Arc<Self> {
        let (tasks, draining) = (TaskTracker::new(), CancellationToken::new());
        Arc::new(Self { store, waiters, clock, replica, patience, tasks, draining })
    }

    /// The record as it stands; none where there is none.
    pub async fn look(&self, id: &ApprovalId) -> Result<Option<Approval>, StoreError> {
        self.store.look(id).await
    }

    /// Lists records.
    pub async fn list(&self, query: &Query) -> Result<Page, StoreError> {
        self.store.list(query).await
    }

    /// What changes from now on, on any replica. A slow receiver is told that it lagged and has to list again.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.waiters.changes()
    }

    /// Whether the store answers.
    pub fn health(&self) -> Health {
        self.store.health()
    }

    /// How many calls wait on this replica now.
    pub fn parked(&self) -> usize {
        self.waiters.count()
    }

    /// Renews this replica's lease and ends what is overdue, until told to stop.
    ///
    /// Every replica sweeps: that it is done twice changes nothing, and no one has to be elected.
    pub async fn run(&self, stop: CancellationToken) {
        let lease = async {
            let mut every = tokio::time::interval(LEASE / 3);
            loop {
                every.tick().await;
                if let Err(error) = self.store.renew_lease().await {
                    tracing::debug!(%error, "lease not renewed");
                }
            }
        };
        let sweep = async {
            let mut every = tokio::time::interval_at(Instant::now() + SWEEP_EVERY, SWEEP_EVERY);
            loop {
                every.tick().await;
                match self.store.sweep().await {
                    Ok(ended) => ended.iter().for_each(|id| tracing::info!(approval = %id, "overdue, ended")),
                    Err(error) => tracing::debug!(%error, "nothing swept"),
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = lease => {}
            () = sweep => {}
        }
    }

    /// Answers every parked call with "still pending", detaches it, and waits until that is written down.
    pub async fn drain(&self) {
        self.draining.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A hint that something changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// This record.
    Record(ApprovalId),
    /// Possibly anything: hints were lost.
    Anything,
}
