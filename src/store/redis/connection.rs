//! One connection for commands and messages, built anew whenever it is lost.
//!
//! The crate's own manager would not notice an idle or a frozen connection, nor say whether the subscriptions came
//! back, so a task of ours watches it.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{MultiplexedConnection, SendError};
use redis::{AsyncConnectionConfig, Client, ErrorKind, PushInfo, PushKind, RedisError, RedisResult, cmd};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::doorbell::Doorbell;
use super::keys::Keys;
use super::safety_net::SafetyNet;
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

/// The connection, while there is one.
pub(super) enum Link {
    /// None, and why.
    Down(String),
    /// This one.
    Up(MultiplexedConnection),
}

/// What a store wants to be subscribed to.
pub(super) enum Wish {
    /// The approval's channel; the answer comes when it is subscribed.
    Listen(ApprovalId, oneshot::Sender<RedisResult<()>>),
    /// No longer.
    Forget(ApprovalId),
}

/// Keeps the connection up.
pub(super) struct Supervisor {
    pub(super) client: Client,
    pub(super) timeout: Duration,
    pub(super) keys: Keys,
    pub(super) queues: Vec<QueueName>,
    pub(super) doorbell: Arc<Doorbell>,
    pub(super) link: watch::Sender<Link>,
    pub(super) wishes: mpsc::UnboundedReceiver<Wish>,
}

/// A connection that is up, with what belongs to it.
struct Live {
    connection: MultiplexedConnection,
    lost: Arc<Notify>,
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
    async fn connect(&mut self) -> RedisResult<Live> {
        // Who wished so far listens, or has left: both are counted below.
        while self.wishes.try_recv().is_ok() {}
        let lost = Arc::new(Notify::new());
        let mut connection = self.open(Arc::clone(&lost)).await?;
        let net = SafetyNet::start(&self.keys, &self.queues, &mut connection).await?;
        let queues = self.queues.iter().map(|queue| self.keys.changes(queue));
        let approvals = self.doorbell.begin_anew();
        let channels: Vec<String> = queues.chain(approvals.iter().map(|id| self.keys.ring(id))).collect();
        for batch in channels.chunks(BATCH) {
            tolerate_refusal(connection.subscribe(batch).await)?;
        }
        tracing::info!(channels = channels.len(), "connected to Redis");
        self.link.send_replace(Link::Up(connection.clone()));
        self.doorbell.ring_all();
        Ok(Live { connection, lost, net })
    }

    async fn open(&self, lost: Arc<Notify>) -> RedisResult<MultiplexedConnection> {
        let doorbell = Arc::clone(&self.doorbell);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout))
            .set_pipeline_buffer_size(1024)
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    lost.notify_one();
                } else {
                    doorbell.hear(&push);
                }
                Ok::<(), SendError>(())
            });
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Serves until the connection is lost; returns why.
    async fn serve(&mut self, mut live: Live) -> RedisError {
        let mut pulse = interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut missed = 0;
        let mut wishes = Vec::new();
        loop {
            tokio::select! {
                () = live.lost.notified() => {
                    return RedisError::from((ErrorKind::Io, "the connection was lost"));
                }
                _ = self.wishes.recv_many(&mut wishes, BATCH) => {
                    self.grant(&mut live.connection, wishes.drain(..)).await;
                }
                _ = pulse.tick() => match self.pulse(&mut live).await {
                    Ok(()) => missed = 0,
                    Err(error) => {
                        missed += 1;
                        if missed == MISSES {
                            return error;
                        }
                    }
                }
            }
        }
    }

    async fn pulse(&self, live: &mut Live) -> RedisResult<()> {
        cmd("PING").exec_async(&mut live.connection).await?;
        live.net.catch_up(&mut live.connection, &self.doorbell).await
    }

    /// Subscribes and unsubscribes. Only this task does, and by who listens now: whatever the order of the wishes,
    /// nobody who listens ends up without a subscription.
    async fn grant(&self, connection: &mut MultiplexedConnection, wishes: impl Iterator<Item = Wish>) {
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
        if !wanted.is_empty() {
            let subscribed = connection.subscribe(&wanted).await;
            for waits in waiting {
                // Who no longer waits does not mind.
                let _ = waits.send(subscribed.clone());
            }
        }
        if !unwanted.is_empty()
            && let Err(error) = connection.unsubscribe(&unwanted).await
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
