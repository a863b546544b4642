//! A store that histories are played to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use holdpoint::clock::ManualClock;
use holdpoint::domain::approval::{Approval, StateKind};
use holdpoint::domain::decision::Vote;
use holdpoint::domain::ids::{ApprovalId, ReplicaId};
use holdpoint::store::memory::MemoryStore;
use holdpoint::store::redis::{RedisStore, Settings};
use holdpoint::store::{ActError, ApprovalStore, Filter, Health, Order, Query, StoreError, VoteError};
use jiff::Timestamp;
use redis::streams::StreamRangeReply;
use redis::{Commands, cmd};

use super::history::{Act, Answer};
use super::reference::{LONG, Reference, Seen, start};
use crate::store::stage::{Rung, queues};
use crate::support::eventually::eventually;
use crate::support::processes::RedisServer;

/// Nothing is forgotten.
const RETENTION: Duration = Duration::from_secs(10_000_000);
/// Records on one page, so that lists have several.
const PAGE: usize = 3;

/// A store, and what it stands on.
pub struct Subject {
    store: Arc<dyn ApprovalStore>,
    below: Below,
}

enum Below {
    Clock(Arc<ManualClock>),
    Server(Box<RedisServer>),
}

impl Subject {
    pub fn memory() -> Self {
        let (store, clock) = memory();
        Self { store, below: Below::Clock(clock) }
    }

    pub async fn redis() -> Self {
        let server = RedisServer::start().await;
        let settings = Settings { url: server.url(), ..Settings::default() };
        let rung = Arc::new(Rung::default());
        let store = RedisStore::start(settings, ReplicaId::random(), queues(), rung, RETENTION);
        let subject =
            Self { store: Arc::new(store.expect("valid settings")), below: Below::Server(Box::new(server)) };
        subject.until(|health| *health == Health::Up).await;
        subject
    }

    async fn until(&self, accept: impl Fn(&Health) -> bool) {
        eventually("the store has noticed", async || accept(&self.store.health()).then_some(())).await;
    }

    /// Forgets everything.
    pub async fn begin(&mut self) {
        match &self.below {
            Below::Clock(_) => *self = Self::memory(),
            Below::Server(server) => cmd("FLUSHALL").query(&mut server.connection()).unwrap(),
        }
    }

    /// Whether the store has to know this step. Within one process no reply gets lost, so the embedded store keeps no note
    /// of who took up what.
    pub fn knows(&self, act: &Act, reference: &Reference) -> bool {
        matches!(self.below, Below::Server(_)) || !reference.is_sent_again(act)
    }

    /// Plays one step. The reference has played it before.
    pub async fn play(&mut self, act: &Act, reference: &Reference) -> Answer {
        let stands = |approval: Option<Approval>| Answer::Stands(approval.as_ref().map(Seen::from));
        match act {
            Act::Park(parking) => {
                let parked = self.store.park(parking).await.unwrap();
                // Leases last longer than a machine may stall.
                self.set_lease(parking.holder.replica, Timestamp::now() + LONG);
                stands(Some(parked))
            }
            Act::Vote(id, vote) => {
                match self.store.vote(id, &self.in_its_words(id, vote, reference).await).await {
                    Ok(standing) => stands(Some(standing)),
                    Err(VoteError::Refused { why, standing }) => Answer::Refused(why, Seen::from(&*standing)),
                    Err(error) => panic!("{error}"),
                }
            }
            Act::Deed(id, deed) => match self.store.act(id, deed).await {
                Ok(standing) => stands(Some(standing)),
                Err(ActError::Refused { why, standing }) => Answer::Undone(why, Seen::from(&*standing)),
                Err(error) => panic!("{error}"),
            },
            Act::Claim(id, attempt, fingerprint) => match self.store.claim(id, *attempt, fingerprint).await {
                Err(StoreError::LeaseLost) => Answer::NoLease,
                standing => stands(standing.unwrap()),
            },
            Act::Detach(id, attempt, departure) => {
                stands(self.store.detach(id, *attempt, *departure).await.unwrap())
            }
            Act::Look(id) => stands(self.store.look(id).await.unwrap()),
            Act::Sweep => {
                let mut ended = self.store.sweep().await.unwrap();
                ended.sort();
                Answer::Swept(ended)
            }
            Act::List => Answer::Listed(self.list().await.into_iter().map(|record| record.id).collect()),
            Act::TimePasses => {
                self.pass_time(reference);
                Answer::Nothing
            }
            Act::LeaseEnds(replica) => {
                self.set_lease(*replica, Timestamp::now() - Duration::from_secs(1));
                Answer::Nothing
            }
            Act::Restart => {
                self.restart().await;
                Answer::Nothing
            }
        }
    }

    /// The vote with the store's own name of the present life; no store has another by the names of the reference.
    async fn in_its_words(&self, id: &ApprovalId, vote: &Vote, reference: &Reference) -> Vote {
        let present = vote.seen_in == Some(reference.here());
        let seen_in = match self.store.look(id).await.unwrap() {
            Some(record) if present => Some(record.seen_in),
            _ => vote.seen_in,
        };
        Vote { seen_in, ..vote.clone() }
    }

    /// All records.
    pub async fn records(&self) -> Vec<Seen> {
        self.list().await.iter().map(Seen::from).collect()
    }

    /// For each record the numbers of the changes that the audit has, in its order; none where there is no audit.
    pub fn audited(&self) -> Option<BTreeMap<ApprovalId, Vec<u64>>> {
        let Below::Server(server) = &self.below else { return None };
        let audit: StreamRangeReply = server.connection().xrange_all("holdpoint:{default}:audit").unwrap();
        let mut changes = BTreeMap::<ApprovalId, Vec<u64>>::new();
        for entry in audit.ids {
            let key: String = entry.get("key").expect("an entry names its record");
            let id = ApprovalId::with_key("default".parse().unwrap(), key.parse().unwrap());
            changes.entry(id).or_default().push(entry.get("seq").expect("an entry has a number"));
        }
        Some(changes)
    }

    async fn list(&self) -> Vec<Approval> {
        let mut query = Query {
            states: StateKind::ALL.to_vec(),
            filter: Filter::default(),
            order: Order::OldestFirst,
            after: None,
            limit: PAGE,
        };
        let mut all = Vec::new();
        loop {
            let page = self.store.list(&query).await.unwrap();
            all.extend(page.approvals);
            query.after = page.next;
            if query.after.is_none() {
                // The order is by each store's own time.
                all.sort_by(|one, other| one.id.cmp(&other.id));
                return all;
            }
        }
    }

    /// Makes everything overdue that is open, and what has ended long past. The time of Redis cannot be set, but what the records say of it can.
    fn pass_time(&self, reference: &Reference) {
        match &self.below {
            Below::Clock(clock) => clock.advance(LONG),
            Below::Server(server) => {
                let mut redis = server.connection();
                for record in reference.whole() {
                    let key = record.id.key().as_simple().to_string();
                    let time = match record.state.kind() {
                        StateKind::Pending => "deadline",
                        StateKind::Approved => "with",
                        _ => "at",
                    };
                    server.rewrite(&record.id, time, "1");
                    if record.due().is_some() {
                        let () = redis.zadd("holdpoint:{default}:due", key, 1).unwrap();
                    }
                }
            }
        }
    }

    fn set_lease(&self, replica: ReplicaId, ends: Timestamp) {
        if let Below::Server(server) = &self.below {
            let (key, ends) = ("holdpoint:{default}:replicas", ends.as_millisecond());
            let () = server.connection().zadd(key, replica.to_string(), ends).unwrap();
        }
    }

    /// Another life of Redis, with all records.
    async fn restart(&mut self) {
        let Below::Server(server) = &mut self.below else { panic!("a process has one life") };
        let () = cmd("SAVE").query(&mut server.connection()).unwrap();
        server.stop();
        self.until(|health| *health != Health::Up).await;
        let Below::Server(server) = &mut self.below else { unreachable!() };
        server.restart().await;
        self.until(|health| *health == Health::Up).await;
    }
}

fn memory() -> (Arc<MemoryStore>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(start()));
    (Arc::new(MemoryStore::new(clock.clone(), Arc::new(Rung::default()), RETENTION)), clock)
}
