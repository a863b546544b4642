//! One store in every shape of Redis: a server with TLS or little leave, Sentinels, a cluster.

mod cluster;
mod fitness;
mod lives;
mod replication;
mod sentinel;
mod server;

use std::sync::Arc;
use std::time::Duration;

use holdpoint::domain::approval::{Approval, StateKind};
use holdpoint::domain::ids::ReplicaId;
use holdpoint::store::redis::{RedisStore, Settings};
use holdpoint::store::{ApprovalStore, Filter, Health, Order, Parking, Query};

use crate::store::stage::{Rung, approve, attempt, held, parking, queues};
use crate::support::redis_topologies::until;

/// One replica's store and what it rang.
struct Replica {
    id: ReplicaId,
    store: RedisStore,
    rung: Arc<Rung>,
}

impl Replica {
    fn of(settings: Settings) -> Self {
        let (id, rung) = (ReplicaId::random(), Arc::new(Rung::default()));
        let store = RedisStore::start(settings, id, queues(), rung.clone(), Duration::from_secs(3600));
        Self { id, store: store.expect("valid settings"), rung }
    }

    async fn up(settings: Settings) -> Self {
        let replica = Self::of(settings);
        replica.until_up().await;
        replica
    }

    async fn at(url: String) -> Self {
        Self::up(Settings { url, ..Settings::default() }).await
    }

    async fn until_up(&self) {
        until("the store is up", async || self.store.health() == Health::Up).await;
    }

    async fn until_down(&self) {
        until("the store is down", async || self.store.health() != Health::Up).await;
    }

    fn parking(&self, queue: &str) -> Parking {
        parking(&held(|held| held.terms.queue = queue.parse().unwrap()), self.id)
    }

    /// Listens, then parks.
    async fn park(&self, queue: &str) -> Approval {
        let parking = self.parking(queue);
        self.store.listen(&parking.id).await.unwrap();
        self.store.park(&parking).await.unwrap()
    }

    async fn claim(&self, parked: &Approval) -> Approval {
        // As every second in the service: a failover or a freeze outlasts the lease.
        self.store.renew_lease().await.unwrap();
        let claimed = self.store.claim(&parked.id, attempt(parked), &parked.held.fingerprint).await;
        claimed.unwrap().expect("the record is there")
    }

    /// A decision taken elsewhere reaches who waits here, as a message; the slower way tells nothing of a queue.
    async fn hears_and_is_released(&self, elsewhere: &Replica, parked: &Approval) {
        let told = self.rung.changes(&parked.id);
        let rung = self.rung.rings(&parked.id);
        elsewhere.store.vote(&parked.id, &approve("bob")).await.unwrap();
        self.rung.until_rung(&parked.id, rung + 1).await;
        self.rung.until_told(&parked.id, told + 1).await;
        assert_eq!(self.claim(parked).await.state.kind(), StateKind::Released);
    }
}

/// What every shape has to do.
async fn the_essentials(settings: Settings) {
    let here = Replica::up(settings.clone()).await;
    let there = Replica::up(settings).await;
    for queue in ["default", "dba", "sre"] {
        here.store.renew_lease().await.unwrap();
        let parked = here.park(queue).await;
        assert_eq!(there.store.look(&parked.id).await.unwrap().as_ref(), Some(&parked));
        here.hears_and_is_released(&there, &parked).await;
    }
    assert_eq!(there.store.sweep().await.unwrap(), []);
    let all = there.store.list(&everything()).await.unwrap();
    assert_eq!(all.approvals.len(), 3, "of all queues");
    let left = here.park("dba").await;
    here.store
        .detach(&left.id, attempt(&left), holdpoint::domain::approval::Departure::CallerGone)
        .await
        .unwrap();
    let again = there.store.park(&there.parking("dba")).await.unwrap();
    assert_eq!(again.id, left.id);
    here.store.forget(&left.id);
}

fn everything() -> Query {
    Query {
        states: StateKind::ALL.to_vec(),
        filter: Filter::default(),
        order: Order::OldestFirst,
        after: None,
        limit: 10,
    }
}
