//! Approvals in Redis, shared by all replicas.
//!
//! Every transition is one Lua script, which writes record, indexes and audit and rings, or does nothing. Commands
//! and messages go over connections that are kept up in the background; long lists go over others. Redis is one
//! server, a primary that Sentinels name, or a cluster: see [`Settings::url`].

mod checkup;
mod connection;
mod deciding;
mod doorbell;
mod fitness;
mod identities;
mod journal;
mod keys;
mod lines;
mod listing;
mod parking;
mod record;
mod replication;
mod safety_net;
mod scripts;
mod settings;
mod topology;
mod upkeep;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use redis::aio::SendError;
use redis::{AsyncCommands, FromRedisValue, Script, ScriptInvocation};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::checkup::Checkup;
use self::connection::{Link, Supervisor, Up, WISHES, Wish};
use self::doorbell::Doorbell;
pub use self::fitness::Unfit;
use self::fitness::examine;
use self::keys::{Keys, record_key};
use self::lines::Connection;
use self::listing::Reader;
use self::record::{Reply, millis};
use self::replication::Wanted;
use self::scripts::Scripts;
pub use self::settings::{ClientCertificate, InvalidSettings, Settings};
use self::topology::Shape;
use super::{
    ActError, ApprovalStore, Bell, Health, OpenIn, Page, Parking, Precedents, Query, StoreError, VoteError,
};
use crate::domain::act::Act;
use crate::domain::approval::{Approval, Departure, Held};
use crate::domain::audit::{Chain, Note};
use crate::domain::decision::Vote;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ApprovalId, AttemptId, QueueName, ReplicaId, RequestKey, SessionKey};

/// How long the check before the start may take.
const CHECK: Duration = Duration::from_secs(5);

/// Approvals in Redis.
pub struct RedisStore {
    keys: Keys,
    scripts: Scripts,
    link: watch::Receiver<Link>,
    wishes: mpsc::Sender<Wish>,
    doorbell: Arc<Doorbell>,
    replica: ReplicaId,
    queues: Vec<QueueName>,
    /// The digest of the policy that this replica runs.
    policy: String,
    retention: Duration,
    timeout: Duration,
    wanted: Option<Wanted>,
    _stop: DropGuard,
}

impl RedisStore {
    /// A store for one replica, which connects in the background and until then says that it is down.
    ///
    /// It rings for changes in `queues`, and forgets what ended longer ago than `retention`. It has to be called
    /// within a Tokio runtime.
    pub fn start(
        settings: Settings,
        replica: ReplicaId,
        queues: Vec<QueueName>,
        bell: Arc<dyn Bell>,
        retention: Duration,
    ) -> Result<Self, InvalidSettings> {
        let topology = settings.topology()?;
        let scripts = Scripts::new(matches!(topology.shape, Shape::Cluster(_)));
        let keys = Keys::new(&settings.prefix);
        let doorbell = Arc::new(Doorbell::new(keys.clone(), bell));
        let (link_sender, link) = watch::channel(Link::Down("not connected yet".into()));
        let (wishes, wishes_receiver) = mpsc::channel(WISHES);
        let stop = CancellationToken::new();
        let supervisor = Supervisor {
            topology,
            keys: keys.clone(),
            queues: queues.clone(),
            doorbell: Arc::clone(&doorbell),
            link: link_sender,
            wishes: wishes_receiver,
            warned: false,
        };
        let Settings { wait_replicas: replicas, wait_timeout: within, policy, .. } = settings;
        tokio::spawn(supervisor.run(stop.clone()));
        Ok(Self {
            keys,
            scripts,
            link,
            wishes,
            doorbell,
            replica,
            queues,
            policy,
            retention,
            timeout: settings.command_timeout,
            wanted: (replicas > 0).then_some(Wanted { replicas, within }),
            _stop: stop.drop_guard(),
        })
    }

    /// Whether approvals can be kept in the Redis of these settings; one that cannot be reached may be fit.
    pub async fn check(settings: &Settings) -> Result<(), Unfit> {
        let Ok(topology) = settings.topology() else { return Ok(()) };
        let examined = async {
            let lines = topology.connect(|_| Ok::<_, SendError>(())).await?;
            examine(&mut lines.shared()).await
        };
        match timeout(CHECK, examined).await {
            // A failover may be under way: the store waits for its end.
            Ok(Ok(Err(unfit))) if unfit != Unfit::Replica => Err(unfit),
            _ => Ok(()),
        }
    }

    fn up(&self) -> Result<Up, StoreError> {
        match &*self.link.borrow() {
            Link::Up(up) => Ok(up.clone()),
            Link::Down(why) => Err(StoreError::Unavailable(why.clone())),
        }
    }

    /// A connection for what takes its time.
    async fn slow(&self) -> Result<Connection, StoreError> {
        self.up()?.lines.slow().await.map_err(unavailable)
    }

    /// Whether the replicas that are wanted have this record.
    async fn spread(&self, standing: &Approval, wanted: Wanted) -> Result<bool, StoreError> {
        let id = &standing.id;
        let mut connection = self.slow().await?;
        // Looked up on the connection that waits: it may lead to another primary than the one that
        // made the change.
        let call = self.call_on(&self.scripts.look, id, Some(&standing.held));
        let reply: Option<Reply> = call.invoke_async(&mut connection).await.map_err(unavailable)?;
        let Some(now) = reply.map(|reply| reply.approval(id, Some(&standing.held))).transpose()? else {
            return Ok(false);
        };
        let is_there = now.seen_in == standing.seen_in && now.seq >= standing.seq;
        let key = self.keys.queue(id.queue());
        Ok(is_there && wanted.are_there(&mut connection, &key).await.map_err(unavailable)?)
    }

    /// What every script takes first: see `scripts/record.lua`.
    fn common(&self, retention: Duration, extent: &str) -> String {
        format!("{} {} {} {extent}", millis(retention), self.replica, self.policy)
    }

    /// A call of a script on a queue.
    fn call<'a>(&self, script: &'a Script, queue: &QueueName) -> ScriptInvocation<'a> {
        self.call_for(script, queue, "whole")
    }

    fn call_for<'a>(&self, script: &'a Script, queue: &QueueName, extent: &str) -> ScriptInvocation<'a> {
        let mut call = script.key(self.keys.queue(queue));
        call.arg(self.common(super::retention(queue, self.retention), extent));
        call
    }

    /// A call of a script on a chain.
    fn call_in<'a>(&self, script: &'a Script, chain: &Chain) -> ScriptInvocation<'a> {
        let retention = match chain {
            Chain::Queue(queue) => super::retention(queue, self.retention),
            Chain::System => self.retention,
        };
        let mut call = script.key(self.keys.chain(chain));
        call.arg(self.common(retention, "whole"));
        call
    }

    /// A call of a script on a record. Where it is `known` what was asked, the answer leaves that out.
    fn call_on<'a>(
        &self,
        script: &'a Script,
        id: &ApprovalId,
        known: Option<&Arc<Held>>,
    ) -> ScriptInvocation<'a> {
        let extent = if known.is_some() { "bare" } else { "whole" };
        let mut call = self.call_for(script, id.queue(), extent);
        call.arg(record_key(id.key()));
        call
    }

    async fn run<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        let up = self.up()?;
        call.invoke_async(&mut up.lines.shared()).await.map_err(|error| {
            up.blame(&error);
            unavailable(error)
        })
    }

    /// Our own queues, and those that other replicas have.
    async fn all_queues(&self, connection: &mut Connection) -> Result<Vec<QueueName>, StoreError> {
        let named: Vec<String> = connection.smembers(self.keys.queues()).await.map_err(unavailable)?;
        let mut queues: BTreeSet<QueueName> = self.queues.iter().cloned().collect();
        for name in named {
            match name.parse() {
                Ok(queue) => _ = queues.insert(queue),
                Err(error) => tracing::warn!(%error, "a queue is passed over"),
            }
        }
        Ok(queues.into_iter().collect())
    }
}

/// Whatever Redis answered or did not: what was asked may have happened or not.
fn unavailable(error: redis::RedisError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

#[async_trait]
impl ApprovalStore for RedisStore {
    async fn park(&self, parking: &Parking) -> Result<Approval, StoreError> {
        parking::park(self, parking).await
    }

    async fn look(&self, id: &ApprovalId) -> Result<Option<Approval>, StoreError> {
        let known = self.doorbell.held(id);
        let reply: Option<Reply> = self.run(&self.call_on(&self.scripts.look, id, known.as_ref())).await?;
        reply.map(|reply| reply.approval(id, known.as_ref())).transpose()
    }

    async fn vote(&self, id: &ApprovalId, vote: &Vote) -> Result<Approval, VoteError> {
        deciding::vote(self, id, vote).await
    }

    async fn act(&self, id: &ApprovalId, act: &Act) -> Result<Approval, ActError> {
        deciding::act(self, id, act).await
    }

    async fn replicated(&self, standing: &Approval) -> Option<bool> {
        let spread = self.spread(standing, self.wanted?).await;
        Some(spread.unwrap_or_else(|error| {
            tracing::warn!(approval = %standing.id, %error, "it is not known whether replicas have a change");
            false
        }))
    }

    async fn claim(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Approval>, StoreError> {
        let known = self.doorbell.held(id);
        let mut call = self.call_on(&self.scripts.claim, id, known.as_ref());
        call.arg(attempt.to_string()).arg(fingerprint.to_string());
        let reply: Option<Reply> = self.run(&call).await?;
        match reply {
            Some(reply) if reply.word == "no lease" => Err(StoreError::LeaseLost),
            reply => reply.map(|reply| reply.approval(id, known.as_ref())).transpose(),
        }
    }

    async fn detach(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        departure: Departure,
    ) -> Result<Option<Approval>, StoreError> {
        let known = self.doorbell.held(id);
        let mut call = self.call_on(&self.scripts.detach, id, known.as_ref());
        call.arg(attempt.to_string()).arg(departure.as_str());
        let reply: Option<Reply> = self.run(&call).await?;
        reply.map(|reply| reply.approval(id, known.as_ref())).transpose()
    }

    async fn withdraw(&self, session: SessionKey, request: Option<RequestKey>) -> Result<(), StoreError> {
        let queues = self.all_queues(&mut self.slow().await?).await?;
        let request = request.map(|request| request.to_string()).unwrap_or_default();
        let detached = queues.iter().map(async |queue| {
            let mut call = self.call(&self.scripts.withdraw, queue);
            call.arg(session.to_string()).arg(&request);
            self.run::<()>(&call).await
        });
        try_join_all(detached).await.map(|_| ())
    }

    async fn count_open(&self) -> Result<Vec<OpenIn>, StoreError> {
        upkeep::count_open(self).await
    }

    async fn sweep(&self) -> Result<Vec<ApprovalId>, StoreError> {
        upkeep::sweep(self).await
    }

    async fn renew_lease(&self) -> Result<(), StoreError> {
        upkeep::renew_lease(self).await
    }

    async fn list(&self, query: &Query) -> Result<Page, StoreError> {
        let mut connection = self.slow().await?;
        let queues = match &query.filter.queue {
            Some(queue) => vec![queue.clone()],
            None => self.all_queues(&mut connection).await?,
        };
        let (keys, script, common) = (&self.keys, &self.scripts.list, self.common(self.retention, "whole"));
        Reader { keys, script, common: &common, connection }.page(queues, query).await
    }

    async fn note(&self, note: &Note) -> Result<(), StoreError> {
        self.write_note(note).await
    }

    async fn precedents(&self, id: &ApprovalId) -> Result<Precedents, StoreError> {
        let call = self.call_on(&self.scripts.precedents, id, None);
        let known: Option<(u64, Option<Reply>, Option<Reply>, Option<Reply>)> = self.run(&call).await?;
        let Some((calls, approved, rejected, alike)) = known else { return Ok(Precedents::default()) };
        let read = |reply: Option<Reply>| reply.map(|reply| reply.approval(id, None)).transpose();
        Ok(Precedents { calls, approved: read(approved)?, rejected: read(rejected)?, alike: read(alike)? })
    }

    async fn listen(&self, id: &ApprovalId) -> Result<(), StoreError> {
        self.doorbell.listen(id);
        let busy = |error: mpsc::error::TrySendError<_>| StoreError::Unavailable(error.to_string());
        let (waits, subscribed) = oneshot::channel();
        // Also while there is no connection: one that is just being made may have counted its listeners already.
        self.wishes.try_send(Wish::Listen(id.clone(), waits)).map_err(busy)?;
        self.up()?;
        match timeout(self.timeout, subscribed).await {
            Ok(Ok(answer)) => answer.map_err(unavailable),
            Ok(Err(_)) => Err(StoreError::Unavailable("the connection was lost".into())),
            Err(_) => Err(StoreError::Unavailable("no answer to a subscription".into())),
        }
    }

    fn forget(&self, id: &ApprovalId) {
        if self.doorbell.forget(id) {
            // Without its task there are no subscriptions, and one too many does no harm until the next connection.
            let _ = self.wishes.try_send(Wish::Forget(id.clone()));
        }
    }

    fn health(&self) -> Health {
        match &*self.link.borrow() {
            Link::Up(_) => Health::Up,
            Link::Down(why) => Health::Down(why.clone()),
        }
    }
}
