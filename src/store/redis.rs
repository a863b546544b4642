//! Approvals in Redis, shared by all replicas.
//!
//! Every transition is one Lua script, which writes record, indexes and audit and rings, or does nothing. Commands
//! and messages go over connections that are kept up in the background; long lists go over others. Redis is one
//! server, a primary that Sentinels name, or a cluster: see [`Settings::url`].

mod checkup;
mod connection;
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

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use redis::aio::SendError;
use redis::{AsyncCommands, FromRedisValue, Script, ScriptInvocation};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

pub use self::checkup::Checkup;
use self::connection::{Link, Supervisor, Up, WISHES, Wish};
use self::doorbell::Doorbell;
pub use self::fitness::Unfit;
use self::fitness::examine;
use self::keys::{Keys, record_key};
use self::lines::Connection;
use self::listing::Reader;
use self::record::{Reply, encode_act_rest, encode_vote_rest, millis};
use self::replication::Wanted;
use self::scripts::Scripts;
pub use self::settings::{ClientCertificate, InvalidSettings, Settings};
use self::topology::Shape;
use super::{
    ActError, ApprovalStore, Bell, Health, LEASE, OpenIn, Page, Parking, Precedents, Query, StoreError,
    VoteError,
};
use crate::domain::act::{Act, ActRefused, Verb};
use crate::domain::approval::{Approval, CLAIM_WINDOW, Departure, MOST_EXTENSIONS, VoteRefused};
use crate::domain::audit::{Chain, Note};
use crate::domain::decision::Vote;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ApprovalId, AttemptId, QueueName, ReplicaId, RequestKey, SessionKey};

/// So many records are ended or forgotten by one script: Redis does nothing else meanwhile.
const SWEPT_AT_ONCE: usize = 100;

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
        let call = self.call_on(&self.scripts.look, id);
        let reply: Option<Reply> = call.invoke_async(&mut connection).await.map_err(unavailable)?;
        let Some(now) = reply.map(|reply| reply.approval(id, None)).transpose()? else {
            return Ok(false);
        };
        let is_there = now.seen_in == standing.seen_in && now.seq >= standing.seq;
        let key = self.keys.queue(id.queue());
        Ok(is_there && wanted.are_there(&mut connection, &key).await.map_err(unavailable)?)
    }

    /// What every script takes first: see `scripts/record.lua`.
    fn common(&self, retention: Duration) -> String {
        format!("{} {} {}", millis(retention), self.replica, self.policy)
    }

    /// A call of a script on a queue.
    fn call<'a>(&self, script: &'a Script, queue: &QueueName) -> ScriptInvocation<'a> {
        let mut call = script.key(self.keys.queue(queue));
        call.arg(self.common(super::retention(queue, self.retention)));
        call
    }

    /// A call of a script on a chain.
    fn call_in<'a>(&self, script: &'a Script, chain: &Chain) -> ScriptInvocation<'a> {
        let retention = match chain {
            Chain::Queue(queue) => super::retention(queue, self.retention),
            Chain::System => self.retention,
        };
        let mut call = script.key(self.keys.chain(chain));
        call.arg(self.common(retention));
        call
    }

    /// A call of a script on a record.
    fn call_on<'a>(&self, script: &'a Script, id: &ApprovalId) -> ScriptInvocation<'a> {
        let mut call = self.call(script, id.queue());
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

    /// Runs a script on a record and returns the record as it stands.
    async fn standing(
        &self,
        id: &ApprovalId,
        call: &ScriptInvocation<'_>,
    ) -> Result<Option<Approval>, StoreError> {
        let reply: Option<Reply> = self.run(call).await?;
        reply.map(|reply| reply.approval(id, None)).transpose()
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
        self.standing(id, &self.call_on(&self.scripts.look, id)).await
    }

    async fn vote(&self, id: &ApprovalId, vote: &Vote) -> Result<Approval, VoteError> {
        let mut call = self.call_on(&self.scripts.vote, id);
        call.arg(vote.decision.to_string())
            .arg(&vote.reviewer.0)
            .arg(vote.word())
            .arg(vote.fingerprint.map(|f| f.to_string()).unwrap_or_default())
            .arg(encode_vote_rest(vote))
            .arg(millis(CLAIM_WINDOW))
            .arg(vote.seen_in.map(|seen_in| seen_in.to_string()).unwrap_or_default());
        let reply: Option<Reply> = self.run(&call).await?;
        let reply = reply.ok_or_else(|| VoteError::NotFound(id.clone()))?;
        let standing = reply.approval(id, None)?;
        let why = match reply.word.as_str() {
            "counted" => return Ok(standing),
            "not open" => VoteRefused::NotOpen,
            "void" => VoteRefused::Void,
            "voted" => VoteRefused::AlreadyVoted,
            "mismatch" => VoteRefused::FingerprintMismatch,
            other => {
                let why = format!("a vote on it was answered with {other:?}");
                return Err(StoreError::Unreadable { id: id.clone(), why }.into());
            }
        };
        Err(VoteError::Refused { why, standing: Box::new(standing) })
    }

    async fn act(&self, id: &ApprovalId, act: &Act) -> Result<Approval, ActError> {
        let mut call = self.call_on(&self.scripts.act, id);
        let (by, longest) = match act.verb {
            Verb::Extend { by, longest } => (millis(by), millis(longest)),
            Verb::Cancel | Verb::Revoke => (0, 0),
        };
        call.arg(act.id.to_string())
            .arg(&act.by.0)
            .arg(act.verb.as_str())
            .arg(by)
            .arg(longest)
            .arg(encode_act_rest(act))
            .arg(act.seen_in.map(|seen_in| seen_in.to_string()).unwrap_or_default())
            .arg(MOST_EXTENSIONS)
            .arg(serde_json::to_string(&act.detail()).expect("text and numbers become JSON"));
        let reply: Option<Reply> = self.run(&call).await?;
        let reply = reply.ok_or_else(|| ActError::NotFound(id.clone()))?;
        let standing = reply.approval(id, None)?;
        let why = match reply.word.as_str() {
            "done" => return Ok(standing),
            "wrong state" => ActRefused::WrongState,
            "void" => ActRefused::Void,
            "too long" => ActRefused::TooLong,
            other => {
                let why = format!("an act on it was answered with {other:?}");
                return Err(StoreError::Unreadable { id: id.clone(), why }.into());
            }
        };
        Err(ActError::Refused { why, standing: Box::new(standing) })
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
        let mut call = self.call_on(&self.scripts.claim, id);
        call.arg(attempt.to_string()).arg(fingerprint.to_string());
        let reply: Option<Reply> = self.run(&call).await?;
        match reply {
            Some(reply) if reply.word == "no lease" => Err(StoreError::LeaseLost),
            reply => reply.map(|reply| reply.approval(id, None)).transpose(),
        }
    }

    async fn detach(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        departure: Departure,
    ) -> Result<Option<Approval>, StoreError> {
        let mut call = self.call_on(&self.scripts.detach, id);
        call.arg(attempt.to_string()).arg(departure.as_str());
        self.standing(id, &call).await
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
        let mut connection = self.slow().await?;
        let mut queues = Vec::new();
        for name in self.all_queues(&mut connection).await? {
            let key = self.keys.open(&name);
            let open = connection.zcard(&key).await.map_err(unavailable)?;
            let first: Vec<(String, i64)> =
                connection.zrange_withscores(&key, 0, 0).await.map_err(unavailable)?;
            let oldest = first.first().and_then(|(_, created)| Timestamp::from_millisecond(*created).ok());
            queues.push(OpenIn { name, open, oldest });
        }
        Ok(queues)
    }

    async fn sweep(&self) -> Result<Vec<ApprovalId>, StoreError> {
        let mut connection = self.slow().await?;
        let mut ended = Vec::new();
        let mut failed = None;
        // A record that breaks the sweep of its queue must not stop that of the others.
        for queue in self.all_queues(&mut connection).await? {
            let mut left_alone = 0;
            loop {
                let mut call = self.call(&self.scripts.sweep, &queue);
                call.arg(SWEPT_AT_ONCE).arg(left_alone);
                let swept: Result<(usize, usize, Vec<String>), _> = call.invoke_async(&mut connection).await;
                let (due, alone, keys) = match swept {
                    Ok(swept) => swept,
                    Err(error) => {
                        failed = Some(unavailable(error));
                        break;
                    }
                };
                let keys = keys.iter().filter_map(|key| Uuid::try_parse(key).ok());
                ended.extend(keys.map(|key| ApprovalId::with_key(queue.clone(), key)));
                left_alone += alone;
                if due < SWEPT_AT_ONCE {
                    break;
                }
            }
        }
        failed.map_or(Ok(ended), Err)
    }

    async fn renew_lease(&self) -> Result<(), StoreError> {
        let mut connection = self.up()?.lines.shared();
        let renewals = self.queues.iter().map(async |queue| {
            let mut call = self.call(&self.scripts.lease, queue);
            call.arg(self.replica.to_string()).arg(millis(LEASE));
            self.run::<()>(&call).await
        });
        try_join_all(renewals).await?;
        let names: Vec<&str> = self.queues.iter().map(QueueName::as_str).collect();
        if !names.is_empty() {
            connection.sadd::<_, _, ()>(self.keys.queues(), names).await.map_err(unavailable)?;
        }
        Ok(())
    }

    async fn list(&self, query: &Query) -> Result<Page, StoreError> {
        let mut connection = self.slow().await?;
        let queues = match &query.filter.queue {
            Some(queue) => vec![queue.clone()],
            None => self.all_queues(&mut connection).await?,
        };
        let (keys, script, common) = (&self.keys, &self.scripts.list, self.common(self.retention));
        Reader { keys, script, common: &common, connection }.page(queues, query).await
    }

    async fn note(&self, note: &Note) -> Result<(), StoreError> {
        self.write_note(note).await
    }

    async fn precedents(&self, id: &ApprovalId) -> Result<Precedents, StoreError> {
        let call = self.call_on(&self.scripts.precedents, id);
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
