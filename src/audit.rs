//! The proof of what this service did: every replica puts what happened into chains, signs them, ships them, and forgets
//! what was kept long enough.

mod fork;
mod measure;
mod search;
mod ship;
mod sinks;

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub use self::search::{Cursor, Found, Query};
pub use self::sinks::{Sink, Target};
use crate::clock::Clock;
use crate::domain::audit::{Chain, Head, Notary, Place};
use crate::domain::ids::ReplicaId;
use crate::domain::probe;
use crate::store::{AuditLog, StoreError};

/// How often a replica looks for what is not in a chain yet.
const SEAL_EVERY: Duration = Duration::from_millis(500);

/// For how long a replica that seals a chain goes on alone. Others would do no harm, but read the same to no end.
const SEAL_TURN: Duration = Duration::from_secs(2);
/// Under which name a turn at sealing is taken: no sink has it.
const SEALING: &str = "(sealing)";

/// How often a replica forgets what was kept long enough.
const TRIM_EVERY: Duration = Duration::from_secs(60);

/// How often a replica measures how far sinks are behind.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// So much is put into a chain, shipped or read at once.
const PART: usize = 200;

/// How the audit is kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who signs; without, there are no checkpoints.
    pub notary: Option<Notary>,
    /// A checkpoint after so many entries.
    pub checkpoint_every: u64,
    /// A checkpoint of what is new after this time.
    pub checkpoint_interval: Duration,
    /// How long entries are kept in the store.
    pub retention: Duration,
    /// Whether entries go after that time although a sink does not have them.
    pub trim_unshipped: bool,
    /// Where entries are copied to.
    pub sinks: Vec<Sink>,
}

impl Default for Settings {
    /// Unsigned, kept for 30 days, copied nowhere.
    fn default() -> Self {
        Self {
            notary: None,
            checkpoint_every: 1000,
            checkpoint_interval: Duration::from_secs(300),
            retention: Duration::from_secs(30 * 24 * 3600),
            trim_unshipped: false,
            sinks: Vec::new(),
        }
    }
}

/// The audit of all replicas.
pub struct Audit {
    log: Arc<dyn AuditLog>,
    clock: Arc<dyn Clock>,
    replica: ReplicaId,
    settings: Settings,
    /// How the chains ended when this replica looked last.
    ends: Mutex<HashMap<Chain, Head>>,
}

impl Audit {
    /// The audit in this store.
    pub fn new(
        log: Arc<dyn AuditLog>,
        clock: Arc<dyn Clock>,
        replica: ReplicaId,
        settings: Settings,
    ) -> Arc<Self> {
        Arc::new(Self { log, clock, replica, settings, ends: Mutex::default() })
    }

    /// Seals, ships and trims until told to stop, and then seals and ships once more what this replica did last.
    ///
    /// Any replica seals, by turns: two that do at once do no harm, because a chain is only appended to where the writer
    /// read on.
    pub async fn run(&self, stop: CancellationToken) {
        let seal = async {
            let mut every = interval(SEAL_EVERY);
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                every.tick().await;
                self.seal_in_turn().await;
            }
        };
        // Each sink by itself: one that hangs keeps no other waiting.
        let ship = self.settings.sinks.iter().map(async |sink| {
            let mut every = interval(SEAL_EVERY);
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                every.tick().await;
                self.ship_to(sink).await;
            }
        });
        let ship = async {
            join_all(ship).await;
            // There is no sink.
            pending().await
        };
        let measure = async {
            let mut every = interval(MEASURE_EVERY);
            loop {
                every.tick().await;
                if let Err(error) = self.measure().await {
                    tracing::debug!(%error, "the audit was not measured");
                }
            }
        };
        let trim = async {
            let mut every = interval(TRIM_EVERY);
            loop {
                every.tick().await;
                self.trim_all().await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = seal => {}
            () = ship => {}
            () = measure => {}
            () = trim => {}
        }
        self.seal_all().await;
        self.ship_all().await;
    }

    /// Puts what happened into the chains.
    pub async fn seal_all(&self) {
        for chain in self.chains().await {
            self.seal_or_tell(&chain).await;
        }
    }

    /// The same, but for the chains that another replica has just sealed.
    async fn seal_in_turn(&self) {
        for chain in self.chains().await {
            if let Ok(true) = self.log.take_turn(&chain, SEALING, self.replica, SEAL_TURN).await {
                self.seal_or_tell(&chain).await;
            }
        }
    }

    async fn seal_or_tell(&self, chain: &Chain) {
        if let Err(error) = self.seal(chain).await {
            tracing::debug!(%chain, %error, "not sealed");
        }
    }

    async fn chains(&self) -> Vec<Chain> {
        self.log.chains().await.unwrap_or_else(|error| {
            tracing::debug!(%error, "the audit is out of reach");
            Vec::new()
        })
    }

    async fn seal(&self, chain: &Chain) -> Result<(), StoreError> {
        loop {
            let from = self.log.head(chain).await?;
            self.look_for_fork(chain, &from).await?;
            self.remember(chain, &from);
            let facts = self.log.facts(chain, &from, PART).await?;
            let mut to = from.clone();
            let mut lines: Vec<_> = facts.iter().map(|fact| to.append(chain, fact)).collect();
            let now = self.clock.now();
            lines.extend(self.notary(&to, now).map(|notary| to.sign(chain, notary, now)));
            if lines.is_empty() || !self.log.append(chain, &from, &lines, &to).await? {
                return Ok(());
            }
            self.remember(chain, &to);
            if facts.len() < PART {
                return Ok(());
            }
        }
    }

    /// Who signs the end of a chain, where that is due.
    fn notary(&self, head: &Head, now: Timestamp) -> Option<&Notary> {
        let new = head.number - head.signed;
        let due = new >= self.settings.checkpoint_every
            || now >= head.signed_at + self.settings.checkpoint_interval;
        self.settings.notary.as_ref().filter(|_| new > 0 && due)
    }

    /// Forgets what was kept long enough.
    pub async fn trim_all(&self) {
        for chain in self.chains().await {
            if let Err(error) = self.trim(&chain).await {
                tracing::debug!(%chain, %error, "not trimmed");
            }
        }
    }

    async fn trim(&self, chain: &Chain) -> Result<(), StoreError> {
        let probes = is_of_probes(chain);
        let retention = self.settings.retention;
        let kept_from = self.clock.now() - if probes { retention.min(probe::RETENTION) } else { retention };
        let mut shipped = None;
        for sink in self.settings.sinks.iter().filter(|_| !self.settings.trim_unshipped && !probes) {
            let place = self.log.shipped(chain, &sink.name).await?;
            shipped = Some(shipped.map_or(place, |shipped: Place| shipped.min(place)));
        }
        let old =
            |place: Place, at: Timestamp| at < kept_from && shipped.is_none_or(|shipped| place <= shipped);
        let mut before = Place::START;
        loop {
            let lines = self.log.lines(chain, before, PART).await?;
            let kept = lines.iter().find(|line| line.fact().is_some_and(|fact| !old(line.place, fact.at)));
            let Some(end) = kept.or(lines.last()).map(|line| line.place) else { break };
            before = end;
            if kept.is_some() || lines.len() < PART {
                break;
            }
        }
        self.log.trim(chain, before).await
    }
}

/// Whether this is the chain of the probes. They come every few seconds and prove nothing about a call: the chain is
/// shipped nowhere, and kept as long as its records.
fn is_of_probes(chain: &Chain) -> bool {
    matches!(chain, Chain::Queue(queue) if probe::is_queue(queue))
}
