//! The connections of a store, built anew whenever they are lost.
//!
//! The crate's own manager would not notice an idle or a frozen connection, nor say whether the subscriptions came
//! back, so a task of ours watches it.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::SendError;
use redis::{ErrorKind, PushInfo, PushKind, RedisError, RedisResult, ServerErrorKind};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::doorbell::Doorbell;
use super::fitness::{Fit, Unfit, examine};
use super::keys::Keys;
use super::lines::Lines;
use super::safety_net::SafetyNet;
use super::topology::Topology;
use crate::domain::ids::{ApprovalId, QueueName};

/// Between signs of life, and between two looks of the safety net.
const PULSE: Duration = Duration::from_secs(1);
/// After so many signs of life in a row without an answer the connection is given up.
const MISSES: u32 = 3;
/// The pause before the first new attempt to connect; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// So many channels are subscribed in one command.
const BATCH: usize = 500;
/// So many wishes may wait. One that finds no room is not granted: the safety net finds what it would have rung for.
pub(super) const WISHES: usize = 1 << 14;

/// The connections, while there are any.
pub(super) enum Link {
    /// None, and why.
    Down(String),
    /// These.
    Up(Up),
}

/// Connections that are up.
#[derive(Clone)]
pub(super) struct Up {
    pub(super) lines: Lines,
    lost: Arc<Notify>,
}

impl Up {
    /// Gives the connections up if this error says that they lead to the wrong server.
    pub(super) fn blame(&self, error: &RedisError) {
        let wrong = [ServerErrorKind::ReadOnly, ServerErrorKind::MasterDown, ServerErrorKind::BusyLoading];
        if wrong.map(ErrorKind::Server).contains(&error.kind()) {
            self.lost.notify_one();
        }
    }
}

/// Why there is no connection, or no longer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("the connection was lost")]
    Gone,
    #[error("the Sentinels name another primary")]
    Failover,
}

/// What a store wants to be subscribed to.
pub(super) enum Wish {
    /// The approval's channel; the answer comes when it is subscribed.
    Listen(ApprovalId, oneshot::Sender<RedisResult<()>>),
    /// No longer.
    Forget(ApprovalId),
}

/// Keeps the connections up.
pub(super) struct Supervisor {
    pub(super) topology: Topology,
    pub(super) keys: Keys,
    pub(super) queues: Vec<QueueName>,
    pub(super) doorbell: Arc<Doorbell>,
    pub(super) link: watch::Sender<Link>,
    pub(super) wishes: mpsc::Receiver<Wish>,
    /// Whether it was said that nothing is persisted.
    pub(super) warned: bool,
}

/// Connections that are up, with what belongs to them.
struct Live {
    up: Up,
    net: SafetyNet,
}

impl Supervisor {
    /// Until stopped.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let _ = stop.run_until_cancelled(self.keep_up()).await;
        self.link.send_replace(Link::Down("the store is closed".into()));
    }

    async fn keep_up(&mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let why = match self.connect().await {
                Ok(live) => {
                    pause = FIRST_PAUSE;
                    self.serve(live).await
                }
                Err(error) => error,
            };
            self.go_down(why.to_string());
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Says so once, however often it then tries in vain.
    fn go_down(&self, why: String) {
        if !matches!(&*self.link.borrow(), Link::Down(before) if *before == why) {
            tracing::warn!(why, "no connection to Redis");
        }
        self.link.send_replace(Link::Down(why));
    }

    /// Connects, subscribes to everything that is listened for, and rings for all that may have been missed.
    async fn connect(&mut self) -> Result<Live, Lost> {
        // Who wished so far listens, or has left: both are counted below.
        while self.wishes.try_recv().is_ok() {}
        let lost = Arc::new(Notify::new());
        let lines = self.topology.connect(self.listener(Arc::clone(&lost))).await?;
        let Fit { persists } = examine(&mut lines.shared()).await??;
        if persists == Some(false) && !std::mem::replace(&mut self.warned, true) {
            tracing::warn!("this Redis persists nothing: a restart of it loses every open approval");
        }
        let net = SafetyNet::start(&self.keys, &self.queues, &mut lines.shared()).await?;
        let queues = self.queues.iter().map(|queue| self.keys.changes(queue));
        let approvals = self.doorbell.begin_anew();
        let mut channels: Vec<String> = queues.chain(approvals.iter().map(|id| self.keys.ring(id))).collect();
        channels.sort_unstable();
        for batch in channels.chunks(BATCH) {
            tolerate_refusal(lines.subscribe(batch).await)?;
        }
        tracing::info!(channels = channels.len(), "connected to Redis");
        let up = Up { lines, lost };
        self.link.send_replace(Link::Up(up.clone()));
        self.doorbell.ring_all();
        Ok(Live { up, net })
    }

    /// What handles messages and the end of a connection.
    fn listener(&self, lost: Arc<Notify>) -> impl Fn(PushInfo) -> Result<(), SendError> + Clone + use<> {
        let doorbell = Arc::clone(&self.doorbell);
        move |push| {
            if push.kind == PushKind::Disconnection || doorbell.was_moved(&push) {
                lost.notify_one();
            } else {
                doorbell.hear(&push);
            }
            Ok(())
        }
    }

    /// Serves until the connection is lost; returns why.
    async fn serve(&mut self, mut live: Live) -> Lost {
        let mut pulse = interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut missed = 0;
        let mut wishes = Vec::new();
        loop {
            tokio::select! {
                () = live.up.lost.notified() => return Lost::Gone,
                _ = self.wishes.recv_many(&mut wishes, BATCH) => {
                    self.grant(&live.up.lines, wishes.drain(..)).await;
                }
                _ = pulse.tick() => match self.pulse(&mut live).await {
                    Ok(()) => missed = 0,
                    // One answer may be late; one that says "wrong server" is as good as three.
                    Err(Lost::Redis(error)) => {
                        missed += 1;
                        if missed == MISSES {
                            return error.into();
                        }
                    }
                    Err(why) => return why,
                }
            }
        }
    }

    async fn pulse(&self, live: &mut Live) -> Result<(), Lost> {
        self.topology.verify(&live.up.lines).await?;
        Ok(live.net.catch_up(&mut live.up.lines.shared(), &self.doorbell).await?)
    }

    /// Subscribes and unsubscribes. Only this task does, and by who listens now: whatever the order of the wishes,
    /// nobody who listens ends up without a subscription.
    async fn grant(&self, lines: &Lines, wishes: impl Iterator<Item = Wish>) {
        let (mut wanted, mut unwanted, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        for wish in wishes {
            let id = match wish {
                Wish::Listen(id, waits) => {
                    waiting.push(waits);
                    id
                }
                Wish::Forget(id) => id,
            };
            let channel = self.keys.ring(&id);
            if self.doorbell.is_listened_for(&id) { wanted.push(channel) } else { unwanted.push(channel) }
        }
        wanted.sort_unstable();
        unwanted.sort_unstable();
        if !wanted.is_empty() {
            let subscribed = lines.subscribe(&wanted).await;
            for waits in waiting {
                // Who no longer waits does not mind.
                let _ = waits.send(subscribed.clone());
            }
        }
        if !unwanted.is_empty()
            && let Err(error) = lines.unsubscribe(&unwanted).await
        {
            tracing::debug!(%error, "still subscribed to channels that nobody listens for");
        }
    }
}

/// That Redis does not permit a subscription makes changes slower to see; the safety net still finds them.
fn tolerate_refusal(subscribed: RedisResult<()>) -> RedisResult<()> {
    match subscribed {
        Err(error) if matches!(error.kind(), ErrorKind::Server(_)) => {
            tracing::warn!(%error, "Redis refuses a subscription: changes are seen up to a second late");
            Ok(())
        }
        other => other,
    }
}
