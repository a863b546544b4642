//! What this service does: hold a call, decide it, end what is overdue.

mod act;
mod canary;
mod decide;
mod feed;
mod hold;
mod notes;
mod waiters;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::act::{Deed, DeedError};
pub use self::canary::{Canary, Sung};
pub use self::decide::{DecideError, Decided};
pub use self::feed::{NoPlace, Place};
use self::notes::Notes;
pub use self::waiters::Waiters;
use crate::clock::Clock;
use crate::domain::approval::Approval;
use crate::domain::ids::{ApprovalId, Group, ReplicaId, RequestKey, SessionKey};
use crate::domain::probe;
use crate::domain::ruling::Caps;
use crate::store::{ApprovalStore, Health, LEASE, Page, Precedents, Query, StoreError};
use crate::telemetry::metrics;

/// How often a replica looks for what is overdue.
const SWEEP_EVERY: Duration = Duration::from_secs(2);

/// How often a replica counts what is open in all queues.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// How many withdrawals may be under way at a time.
const WITHDRAWALS: usize = 64;

/// For how long the notes of strangers are counted.
const MINUTE: Duration = Duration::from_secs(60);

/// How calls are held.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a call waits for a store that does not answer.
    pub patience: Duration,
    /// How many approvals may be open at a time.
    pub caps: Caps,
    /// For how long an approval may be open in all, once it is extended.
    pub longest_open: Duration,
    /// Whose members may approve at once, whatever the rule wants; none: nobody.
    pub break_glass: Option<Group>,
}

impl Settings {
    /// Nobody breaks the glass, and an approval is extended to a day at most.
    pub fn new(patience: Duration, caps: Caps) -> Self {
        Self { patience, caps, longest_open: Duration::from_secs(24 * 3600), break_glass: None }
    }
}

/// The held calls of all replicas, and the waiters of this one.
pub struct Approvals {
    store: Arc<dyn ApprovalStore>,
    waiters: Arc<Waiters>,
    clock: Arc<dyn Clock>,
    replica: ReplicaId,
    settings: Settings,
    /// How many are open in all queues, as counted last.
    open: AtomicU64,
    /// When a gateway asked last, in ms; 0 for never.
    asked_at: AtomicI64,
    /// Detachments that go on after their Check is gone.
    tasks: TaskTracker,
    draining: CancellationToken,
    withdrawals: Arc<Semaphore>,
    notes: Notes,
    canary: Canary,
}

impl Approvals {
    /// The approvals in this store. `waiters` are what the store rings.
    pub fn new(
        store: Arc<dyn ApprovalStore>,
        waiters: Arc<Waiters>,
        clock: Arc<dyn Clock>,
        replica: ReplicaId,
        settings: Settings,
    ) -> Arc<Self> {
        let (tasks, draining) = (TaskTracker::new(), CancellationToken::new());
        let (open, asked_at) = (AtomicU64::new(0), AtomicI64::new(0));
        let withdrawals = Arc::new(Semaphore::new(WITHDRAWALS));
        Arc::new(Self {
            store,
            waiters,
            clock,
            replica,
            settings,
            open,
            asked_at,
            tasks,
            draining,
            withdrawals,
            notes: Notes::default(),
            canary: Canary::default(),
        })
    }

    /// The record as it stands; none where there is none.
    pub async fn look(&self, id: &ApprovalId) -> Result<Option<Approval>, StoreError> {
        self.store.look(id).await
    }

    /// Lists records.
    pub async fn list(&self, query: &Query) -> Result<Page, StoreError> {
        self.store.list(query).await
    }

    /// What was asked and decided before that a reviewer of this record should know of.
    pub async fn precedents(&self, id: &ApprovalId) -> Result<Precedents, StoreError> {
        self.store.precedents(id).await
    }

    /// The place behind all that has changed so far.
    pub fn place(&self) -> Place {
        self.waiters.feed().end(self.replica)
    }

    /// What changed behind a place, and the place behind that; anything where the place is not one of this replica, or
    /// too long ago.
    pub fn since(&self, place: &Place) -> (Vec<Change>, Place) {
        self.waiters.feed().since(place, self.replica)
    }

    /// The same, as soon as anything has changed.
    pub async fn changed(&self, place: &Place) -> (Vec<Change>, Place) {
        loop {
            let rung = self.waiters.rung();
            let (changes, end) = self.since(place);
            if !changes.is_empty() {
                return (changes, end);
            }
            rung.await;
        }
    }

    /// How many approvals are open in all queues. Probes are none.
    pub async fn count_open(&self) -> Result<u64, StoreError> {
        let queues = self.store.count_open().await?;
        Ok(queues.iter().filter(|queue| !probe::is_queue(&queue.name)).map(|queue| queue.open).sum())
    }

    /// For how long an approval may be open in all, once it is extended.
    pub fn longest_open(&self) -> Duration {
        self.settings.longest_open
    }

    /// Whether the store answers.
    pub fn health(&self) -> Health {
        self.store.health()
    }

    /// Notes that a gateway asks this replica, whatever the answer.
    pub fn asked(&self) {
        self.asked_at.store(self.clock.now().as_millisecond(), Ordering::Relaxed);
    }

    /// When a gateway last asked this replica; none where none has yet.
    pub fn asked_at(&self) -> Option<Timestamp> {
        let at = self.asked_at.load(Ordering::Relaxed);
        Timestamp::from_millisecond(at).ok().filter(|at| *at != Timestamp::UNIX_EPOCH)
    }

    /// What this replica's probes of itself came to.
    pub fn canary(&self) -> &Canary {
        &self.canary
    }

    /// How many calls wait on this replica now.
    pub fn parked(&self) -> usize {
        self.waiters.count()
    }

    /// The caps for the next call: where too many are open in all, no queue takes a new record. One that is there can
    /// still be taken up.
    fn caps(&self) -> Caps {
        let caps = self.settings.caps;
        let full = self.open.load(Ordering::Relaxed) >= u64::from(caps.total);
        if full { Caps { queue: 0, ..caps } } else { caps }
    }

    /// Detaches, in the background, what the caller has withdrawn: all of a session, or one request in it.
    ///
    /// The gateway's answer does not wait for it, and where too many are under way it is left out: the hold then ends
    /// by itself.
    pub fn withdraw(self: &Arc<Self>, session: SessionKey, request: Option<RequestKey>) {
        let Ok(permit) = Arc::clone(&self.withdrawals).try_acquire_owned() else { return };
        let approvals = Arc::clone(self);
        self.tasks.spawn(async move {
            if let Err(error) = approvals.store.withdraw(session, request).await {
                tracing::debug!(%error, "a withdrawal was not recorded");
            }
            drop(permit);
        });
    }

    /// Renews this replica's lease and ends what is overdue, until told to stop.
    ///
    /// Every replica sweeps: that it is done twice changes nothing, and no one has to be elected.
    pub async fn run(self: &Arc<Self>, stop: CancellationToken) {
        let lease = async {
            let mut every = tokio::time::interval(LEASE / 3);
            loop {
                every.tick().await;
                match self.store.renew_lease().await {
                    Ok(()) => metrics().lease_renewed(),
                    Err(error) => tracing::debug!(%error, "lease not renewed"),
                }
            }
        };
        let count = async {
            let mut every = tokio::time::interval(COUNT_EVERY);
            loop {
                every.tick().await;
                if let Ok(queues) = self.store.count_open().await {
                    self.open.store(queues.iter().map(|queue| queue.open).sum(), Ordering::Relaxed);
                    let now = self.clock.now();
                    let queues = queues.iter().filter(|queue| !probe::is_queue(&queue.name));
                    queues.for_each(|queue| metrics().queue(&queue.name, queue.open, queue.age(now)));
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
        let minutes = async {
            let mut every = tokio::time::interval(MINUTE);
            loop {
                every.tick().await;
                self.next_minute();
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = lease => {}
            () = count => {}
            () = sweep => {}
            () = minutes => {}
        }
        self.next_minute();
    }

    /// Answers every parked call with "still pending", detaches it, and waits until that is written down.
    pub async fn drain(&self) {
        self.draining.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A hint that something changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// This record.
    Record(ApprovalId),
    /// Possibly anything: hints were lost.
    Anything,
}
