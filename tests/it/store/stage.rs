//! A store to try, and what to try it with.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdpoint::clock::SystemClock;
use holdpoint::domain::approval::{Approval, Departure, Held, Holder, StateKind};
use holdpoint::domain::decision::{Membership, Verdict, Vote};
use holdpoint::domain::fingerprint::Fingerprint;
use holdpoint::domain::ids::{ApprovalId, AttemptId, DecisionId, Group, QueueName, ReplicaId, Subject};
use holdpoint::domain::quorum::{Marks, Share};
use holdpoint::domain::ruling::Terms;
use holdpoint::domain::sample;
use holdpoint::store::memory::MemoryStore;
use holdpoint::store::redis::{RedisStore, Settings};
use holdpoint::store::{ApprovalStore, AuditLog, Bell, Health, Parking};
use jiff::Timestamp;

use crate::support::eventually::eventually;
use crate::support::processes::RedisServer;

/// The stores.
#[derive(Clone, Copy)]
pub enum Kind {
    Memory,
    Redis,
}

/// Two ways to the same records, as two replicas have them; one and the same where there is one process only.
pub struct Stage {
    pub here: Arc<dyn ApprovalStore>,
    pub there: Arc<dyn ApprovalStore>,
    /// The audit, on the same two ways.
    pub logs: [Arc<dyn AuditLog>; 2],
    /// What `here` rang.
    pub rung: Arc<Rung>,
    replica: ReplicaId,
    other: ReplicaId,
    server: Option<RedisServer>,
}

const HOUR: Duration = Duration::from_secs(3600);

impl Kind {
    /// A store that keeps what has ended for an hour.
    pub async fn stage(self) -> Stage {
        self.stage_that_keeps(HOUR).await
    }

    /// A store that keeps what has ended for so long.
    pub async fn stage_that_keeps(self, retention: Duration) -> Stage {
        let rung = Arc::new(Rung::default());
        Stage { rung: rung.clone(), ..self.build(rung, retention).await }
    }

    /// A store whose `here` rings this bell.
    pub async fn stage_that_rings(self, bell: Arc<dyn Bell>) -> Stage {
        self.build(bell, HOUR).await
    }

    async fn build(self, bell: Arc<dyn Bell>, retention: Duration) -> Stage {
        let (replica, other, rung) = (ReplicaId::random(), ReplicaId::random(), Arc::default());
        match self {
            Self::Memory => {
                let store = Arc::new(MemoryStore::new(Arc::new(SystemClock), bell, retention));
                let logs: [Arc<dyn AuditLog>; 2] = [store.clone(), store.clone()];
                Stage { here: store.clone(), there: store, logs, rung, replica, other, server: None }
            }
            Self::Redis => {
                let server = RedisServer::start().await;
                let here = redis_store(&server, replica, bell, retention).await;
                let there = redis_store(&server, other, Arc::new(Rung::default()), retention).await;
                let logs: [Arc<dyn AuditLog>; 2] = [here.clone(), there.clone()];
                Stage { here, there, logs, rung, replica, other, server: Some(server) }
            }
        }
    }
}

async fn redis_store(
    server: &RedisServer,
    replica: ReplicaId,
    bell: Arc<dyn Bell>,
    retention: Duration,
) -> Arc<RedisStore> {
    let settings = Settings { url: server.url(), ..Settings::default() };
    let store = RedisStore::start(settings, replica, queues(), bell, retention).expect("valid settings");
    eventually("the store is up", async || (store.health() == Health::Up).then_some(())).await;
    store.renew_lease().await.unwrap();
    Arc::new(store)
}

/// The queues of every store in these tests.
pub fn queues() -> Vec<QueueName> {
    ["default", "dba", "sre", "holdpoint-probe"].map(|name| name.parse().unwrap()).to_vec()
}

impl Stage {
    /// Parks a call as it is.
    pub async fn park(&self, held: &Held) -> Approval {
        self.here.park(&self.parking(held)).await.unwrap()
    }

    /// The first attempt at a call.
    pub fn parking(&self, held: &Held) -> Parking {
        parking(held, self.replica)
    }

    /// The first attempt at a call, on the other replica.
    pub fn parking_elsewhere(&self, held: &Held) -> Parking {
        parking(held, self.other)
    }

    /// The replica that `here` is of.
    pub fn replica(&self) -> ReplicaId {
        self.replica
    }

    /// From now on the replica of `here` looks dead, and this record free. Within one process nobody can look so: there
    /// the attempt leaves.
    pub async fn presume_dead(&self, approval: &Approval) {
        match &self.server {
            Some(server) => {
                let just_over = Timestamp::now() - Duration::from_millis(1);
                let (key, replica) = ("holdpoint:{default}:replicas", self.replica.to_string());
                let ends = just_over.as_millisecond();
                let () = redis::Commands::zadd(&mut server.connection(), key, replica, ends).unwrap();
            }
            None => {
                _ = self.here.detach(&approval.id, attempt(approval), Departure::CallerGone).await.unwrap()
            }
        }
    }

    /// The record as it stands.
    pub async fn look(&self, id: &ApprovalId) -> Approval {
        self.there.look(id).await.unwrap().expect("there is such a record")
    }

    /// Waits until the sweep has brought the record into this state.
    pub async fn swept_into(&self, id: &ApprovalId, state: StateKind) -> Approval {
        eventually(&format!("it is {state:?}"), async || {
            self.there.sweep().await.unwrap();
            Some(self.look(id).await).filter(|approval| approval.state.kind() == state)
        })
        .await
    }

    /// Waits until its time to lapse has come, whether or not it was swept.
    pub async fn overdue(&self, id: &ApprovalId) {
        let due = self.look(id).await.due().expect("it is open");
        eventually("it is overdue", async || (Timestamp::now() > due).then_some(())).await;
    }
}

/// What a store rang.
#[derive(Default)]
pub struct Rung {
    rings: Mutex<Vec<ApprovalId>>,
    changes: Mutex<Vec<ApprovalId>>,
    all: Mutex<usize>,
}

impl Rung {
    /// How often this approval rang.
    pub fn rings(&self, id: &ApprovalId) -> usize {
        self.rings.lock().unwrap().iter().filter(|rung| *rung == id).count()
    }

    /// How often a change of this approval was told.
    pub fn changes(&self, id: &ApprovalId) -> usize {
        self.changes.lock().unwrap().iter().filter(|told| *told == id).count()
    }

    /// How often everything rang.
    pub fn all(&self) -> usize {
        *self.all.lock().unwrap()
    }

    /// Waits until this approval has rung so often.
    pub async fn until_rung(&self, id: &ApprovalId, times: usize) {
        eventually(&format!("it has rung {times} times"), async || (self.rings(id) >= times).then_some(()))
            .await;
    }

    /// Waits until a change of this approval was told so often.
    pub async fn until_told(&self, id: &ApprovalId, times: usize) {
        eventually(&format!("{times} changes were told"), async || (self.changes(id) >= times).then_some(()))
            .await;
    }
}

impl Bell for Rung {
    fn ring(&self, id: &ApprovalId) {
        self.rings.lock().unwrap().push(id.clone());
    }

    fn changed(&self, id: &ApprovalId) {
        self.changes.lock().unwrap().push(id.clone());
    }

    fn ring_all(&self) {
        *self.all.lock().unwrap() += 1;
    }
}

/// The first attempt at a call, on this replica.
pub fn parking(held: &Held, replica: ReplicaId) -> Parking {
    Parking {
        caps: holdpoint::domain::sample::UNLIMITED,
        id: ApprovalId::new(held.terms.queue.clone(), Timestamp::now()),
        held: Arc::new(held.clone()),
        holder: Holder { attempt: AttemptId::random(), replica, origin: None },
    }
}

/// A held call with something unusual about it.
pub fn held(change: impl FnOnce(&mut Held)) -> Held {
    let mut held = sample::held();
    change(&mut held);
    held
}

/// Terms that want one person out of each of these groups.
pub fn one_of_each(groups: &[&str]) -> Terms {
    let groups: Vec<_> = groups.iter().map(|group| Group((*group).to_owned())).collect();
    Terms {
        approvals: u8::try_from(groups.len()).expect("a few groups"),
        shares: groups.iter().map(|group| Share { group: group.clone(), people: 1 }).collect(),
        reviewers: groups,
        ..sample::terms()
    }
}

/// Of somebody in these groups.
pub fn members_of(groups: &[&str]) -> Membership {
    Membership::Groups(groups.iter().map(|group| Group((*group).to_owned())).collect())
}

/// A fingerprint of this digit.
pub fn fingerprint(digit: char) -> Fingerprint {
    digit.to_string().repeat(64).parse().unwrap()
}

/// A vote by this reviewer.
pub fn vote(reviewer: &str, verdict: Verdict) -> Vote {
    Vote {
        decision: DecisionId::random(),
        reviewer: Subject(reviewer.into()),
        proof: None,
        verdict,
        marks: Marks::default(),
        reason: None,
        reason_code: None,
        ticket: None,
        fingerprint: None,
        seen_in: None,
        at: Timestamp::UNIX_EPOCH,
        trace: None,
    }
}

/// An approval by this reviewer.
pub fn approve(reviewer: &str) -> Vote {
    vote(reviewer, Verdict::Approve)
}

/// A rejection by this reviewer.
pub fn reject(reviewer: &str) -> Vote {
    vote(reviewer, Verdict::Reject)
}

/// The attempt that waits for it.
pub fn attempt(approval: &Approval) -> AttemptId {
    approval.holder.expect("somebody waits").attempt
}
