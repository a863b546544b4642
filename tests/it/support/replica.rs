//! One replica's store on a Redis, and what it rang.

use std::sync::Arc;
use std::time::Duration;

use holdpoint::domain::approval::{Approval, StateKind};
use holdpoint::domain::ids::ReplicaId;
use holdpoint::store::redis::{RedisStore, Settings};
use holdpoint::store::{ApprovalStore, Filter, Health, Order, Parking, Query};

use super::eventually::until;
use crate::store::stage::{Rung, approve, attempt, held, parking, queues};

/// One replica's store and what it rang.
pub struct Replica {
    pub id: ReplicaId,
    pub store: RedisStore,
    pub rung: Arc<Rung>,
}

impl Replica {
    /// Of this Redis, whether it runs or not.
    pub fn of(settings: Settings) -> Self {
        let (id, rung) = (ReplicaId::random(), Arc::new(Rung::default()));
        let store = RedisStore::start(settings, id, queues(), rung.clone(), Duration::from_secs(3600));
        Self { id, store: store.expect("valid settings"), rung }
    }

    pub async fn up(settings: Settings) -> Self {
        let replica = Self::of(settings);
        replica.until_up().await;
        replica
    }

    pub async fn at(url: String) -> Self {
        Self::up(Settings { url, ..Settings::default() }).await
    }

    pub async fn until_up(&self) {
        until("the store is up", async || self.store.health() == Health::Up).await;
    }

    pub async fn until_down(&self) {
        until("the store is down", async || self.store.health() != Health::Up).await;
    }

    pub fn parking(&self, queue: &str) -> Parking {
        parking(&held(|held| held.terms.queue = queue.parse().unwrap()), self.id)
    }

    /// Parks a call, and listens for nothing.
    pub async fn park(&self, queue: &str) -> Approval {
        self.store.park(&self.parking(queue)).await.unwrap()
    }

    /// Listens, then parks.
    pub async fn listen_and_park(&self, queue: &str) -> Approval {
        let parking = self.parking(queue);
        self.store.listen(&parking.id).await.unwrap();
        self.store.park(&parking).await.unwrap()
    }

    pub async fn claim(&self, parked: &Approval) -> Approval {
        // As every second in the service: a failover or a freeze outlasts the lease.
        self.store.renew_lease().await.unwrap();
        let claimed = self.store.claim(&parked.id, attempt(parked), &parked.held.fingerprint).await;
        claimed.unwrap().expect("the record is there")
    }

    /// A decision taken elsewhere reaches who waits here, as a message; the slower way tells nothing of a queue.
    pub async fn hears_and_is_released(&self, elsewhere: &Replica, parked: &Approval) {
        let told = self.rung.changes(&parked.id);
        let rung = self.rung.rings(&parked.id);
        elsewhere.store.vote(&parked.id, &approve("bob")).await.unwrap();
        self.rung.until_rung(&parked.id, rung + 1).await;
        self.rung.until_told(&parked.id, told + 1).await;
        assert_eq!(self.claim(parked).await.state.kind(), StateKind::Released);
    }
}

/// A list of ten records, whatever their state.
pub fn everything() -> Query {
    Query {
        states: StateKind::ALL.to_vec(),
        filter: Filter::default(),
        order: Order::OldestFirst,
        after: None,
        limit: 10,
    }
}
