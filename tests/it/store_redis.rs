//! What only the Redis store does: connections that break, messages that are lost, replicas that die.

use std::sync::Arc;
use std::time::Duration;

use holdpoint::domain::approval::{Approval, Departure, State, StateKind};
use holdpoint::domain::ids::ReplicaId;
use holdpoint::domain::sample;
use holdpoint::store::redis::{InvalidSettings, RedisStore, Settings};
use holdpoint::store::{ApprovalStore, Filter, Health, Order, Parking, Query, StoreError, VoteError};
use redis::{Commands, cmd};

use crate::store::stage::{Rung, approve, attempt, fingerprint, held, parking, queues, reject};
use crate::support::redis_server::RedisServer;
use crate::support::wait::eventually;

/// One replica's store and what it rang.
struct Replica {
    id: ReplicaId,
    store: RedisStore,
    rung: Arc<Rung>,
}

impl Replica {
    /// Of this Redis, whether it runs or not.
    fn of(url: String) -> Self {
        let (id, rung) = (ReplicaId::random(), Arc::new(Rung::default()));
        let settings = Settings { url, ..Settings::default() };
        let store = RedisStore::start(settings, id, queues(), rung.clone(), Duration::from_secs(3600));
        Self { id, store: store.expect("valid settings"), rung }
    }

    async fn up(url: String) -> Self {
        let replica = Self::of(url);
        replica.until_up().await;
        replica
    }

    async fn until_up(&self) {
        eventually("the store is up", async || (self.store.health() == Health::Up).then_some(())).await;
    }

    async fn until_down(&self) {
        eventually("the store is down", async || (self.store.health() != Health::Up).then_some(())).await;
    }

    fn parking(&self) -> Parking {
        parking(&sample::held(), self.id)
    }

    async fn park(&self) -> Approval {
        self.store.park(&self.parking()).await.unwrap()
    }
}

/// The key of a part of this record.
fn key(part: &str, approval: &Approval) -> String {
    format!("holdpoint:{{{}}}:{part}:{}", approval.id.queue(), approval.id.key().as_simple())
}

#[tokio::test]
async fn nobody_is_rung_who_does_not_listen() {
    let server = RedisServer::start();
    let replica = Replica::up(server.url()).await;
    let forgotten = replica.parking();
    replica.store.listen(&forgotten.id).await.unwrap();
    replica.store.forget(&forgotten.id);
    let other = replica.parking();
    replica.store.listen(&other.id).await.unwrap();
    replica.store.park(&forgotten).await.unwrap();
    replica.store.park(&other).await.unwrap();
    replica.rung.until_rung(&other.id, 1).await;
    assert_eq!(replica.rung.rings(&forgotten.id), 0);
}

#[tokio::test]
async fn what_nobody_listens_for_any_more_is_unsubscribed() {
    let server = RedisServer::start();
    let replica = Replica::up(server.url()).await;
    let parking = replica.parking();
    let mut plain = server.connection();
    let mut subscribed = || {
        let channels: Vec<String> = cmd("PUBSUB").arg("CHANNELS").arg("*:ring:*").query(&mut plain).unwrap();
        channels.len()
    };
    replica.store.listen(&parking.id).await.unwrap();
    assert_eq!(subscribed(), 1);
    replica.store.forget(&parking.id);
    eventually("it is unsubscribed", async || (subscribed() == 0).then_some(())).await;
}

#[tokio::test]
async fn the_call_of_a_dead_replica_is_taken_up() {
    let server = RedisServer::start();
    let dead = Replica::up(server.url()).await;
    let parked = dead.park().await;
    let alive = Replica::up(server.url()).await;
    // A gateway sends it again long before the lease has run out.
    let again = alive.parking();
    let taken = alive.store.park(&again).await.unwrap();
    assert_eq!((&taken.id, taken.holder, taken.epoch), (&parked.id, Some(again.holder), 2));
    assert_ne!(alive.park().await.id, parked.id, "it has a holder again");

    let claimed = dead.store.claim(&parked.id, attempt(&parked), &parked.held.fingerprint).await.unwrap();
    assert_eq!(claimed, Some(taken), "who comes back to life has lost it");
}

#[tokio::test]
async fn the_approved_call_of_a_dead_replica_is_released_to_the_next_attempt() {
    let server = RedisServer::start();
    let dead = Replica::up(server.url()).await;
    let parked = dead.park().await;
    dead.store.vote(&parked.id, &approve("bob")).await.unwrap();
    end_lease(&server, dead.id);
    let alive = Replica::up(server.url()).await;
    let again = alive.parking();
    let taken = alive.store.park(&again).await.unwrap();
    assert!(taken.release(again.holder.attempt, &again.held.fingerprint).is_some());
}

#[tokio::test]
async fn a_renewed_lease_keeps_its_calls() {
    let server = RedisServer::start();
    let replica = Replica::up(server.url()).await;
    let parked = replica.park().await;
    end_lease(&server, replica.id);
    let other = Replica::up(server.url()).await;
    let identical = other.parking();
    let alive = async {
        loop {
            replica.store.renew_lease().await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    replica.store.renew_lease().await.unwrap();
    let another = tokio::select! {
        another = other.store.park(&identical) => another.unwrap(),
        () = alive => unreachable!("it renews without end"),
    };
    assert_ne!(another.id, parked.id);
    let queues: Vec<String> = server.connection().smembers("holdpoint:queues").unwrap();
    assert_eq!(queues.len(), 3, "and names its queues");
}

#[tokio::test]
async fn a_replica_whose_lease_has_run_out_releases_nothing_until_it_has_a_new_one() {
    let server = RedisServer::start();
    let replica = Replica::up(server.url()).await;
    let parked = replica.park().await;
    replica.store.vote(&parked.id, &approve("bob")).await.unwrap();
    end_lease(&server, replica.id);
    let claim = || replica.store.claim(&parked.id, attempt(&parked), &parked.held.fingerprint);
    assert_eq!(claim().await, Err(StoreError::LeaseLost));
    assert_eq!(replica.store.look(&parked.id).await.unwrap().unwrap().state.kind(), StateKind::Approved);

    replica.store.renew_lease().await.unwrap();
    let claimed = claim().await.unwrap().unwrap();
    assert!(claimed.release(attempt(&parked), &parked.held.fingerprint).is_some());
}

#[tokio::test]
async fn an_approval_that_another_redis_recorded_is_asked_for_again() {
    let server = RedisServer::start();
    let replica = Replica::up(server.url()).await;
    let parked = replica.park().await;
    replica.store.vote(&parked.id, &approve("bob")).await.unwrap();
    let record = format!("holdpoint:{{default}}:record:{}", parked.id.key().as_simple());
    let () = server.connection().hset(&record, "under", "ab".repeat(20)).unwrap();

    let claimed = replica.store.claim(&parked.id, attempt(&parked), &parked.held.fingerprint).await;
    let claimed = claimed.unwrap().unwrap();
    assert_eq!((claimed.state, claimed.void, claimed.votes.len()), (State::Pending, 1, 1));
    assert_eq!(claimed.holder, parked.holder, "the call waits on");

    replica.store.vote(&parked.id, &approve("bob")).await.expect("bob is asked again");
    let claimed = replica.store.claim(&parked.id, attempt(&parked), &parked.held.fingerprint).await;
    assert!(claimed.unwrap().unwrap().release(attempt(&parked), &parked.held.fingerprint).is_some());
}

/// Makes a replica as dead as one that has not renewed its lease in time.
fn end_lease(server: &RedisServer, replica: ReplicaId) {
    let () = server.connection().zadd("holdpoint:{default}:replicas", replica.to_string(), 1).unwrap();
}

#[tokio::test]
async fn a_lost_connection_comes_back_with_its_subscriptions() {
    let server = RedisServer::start();
    let replica = Replica::up(server.url()).await;
    let other = Replica::up(server.url()).await;
    let mut calls = Vec::new();
    for _ in 0..700 {
        let parked = replica.park().await;
        replica.store.listen(&parked.id).await.unwrap();
        calls.push(parked.id);
    }
    for _ in 0..2 {
        let rung_all = replica.rung.all();
        let _: usize = cmd("CLIENT").arg(&["KILL", "SKIPME", "yes"]).query(&mut server.connection()).unwrap();
        eventually("everything is rung", async || (replica.rung.all() > rung_all).then_some(())).await;
        eventually("the other is up too", async || other.store.look(&calls[0]).await.ok()).await;
    }
    for id in &calls {
        other.store.vote(id, &approve("bob")).await.unwrap();
    }
    for id in &calls {
        replica.rung.until_rung(id, 1).await;
    }
}

#[tokio::test]
async fn a_lost_message_is_found_in_the_audit() {
    let server = RedisServer::start();
    let other = Replica::up(server.url()).await;
    // One that may not subscribe: no message reaches it.
    let _: String = cmd("ACL")
        .arg(&["SETUSER", "deaf", "on", ">secret", "~*", "+@all", "resetchannels"])
        .query(&mut server.connection())
        .unwrap();
    let deaf = Replica::up(server.url().replace("//", "//deaf:secret@")).await;
    let parked = deaf.park().await;
    let error = deaf.store.listen(&parked.id).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let before = deaf.rung.rings(&parked.id);
    other.store.vote(&parked.id, &approve("bob")).await.unwrap();
    deaf.rung.until_rung(&parked.id, before + 1).await;
    assert_eq!(deaf.rung.changes(&parked.id), 0, "it was no message");
}

#[tokio::test]
async fn a_change_counts_although_its_message_is_not_permitted() {
    let server = RedisServer::start();
    let listener = Replica::up(server.url()).await;
    let _: String = cmd("ACL")
        .arg(&["SETUSER", "mute", "on", ">secret", "~*", "+@all", "resetchannels"])
        .query(&mut server.connection())
        .unwrap();
    let mute = Replica::up(server.url().replace("//", "//mute:secret@")).await;
    let parked = listener.park().await;
    listener.store.listen(&parked.id).await.unwrap();
    let before = listener.rung.rings(&parked.id);
    mute.store.vote(&parked.id, &approve("bob")).await.unwrap();
    listener.rung.until_rung(&parked.id, before + 1).await;
}

#[tokio::test]
async fn what_was_heard_does_not_ring_again_from_the_audit() {
    let server = RedisServer::start();
    let replica = Replica::up(server.url()).await;
    let parking = replica.parking();
    replica.store.listen(&parking.id).await.unwrap();
    replica.store.park(&parking).await.unwrap();
    replica.store.vote(&parking.id, &approve("bob")).await.unwrap();
    replica.rung.until_rung(&parking.id, 2).await;
    // A later entry without a message: once it rings, the audit has been read past those before it.
    let marker = replica.parking();
    replica.store.listen(&marker.id).await.unwrap();
    let marker_key = marker.id.key().as_simple().to_string();
    let _: String = cmd("XADD")
        .arg(&["holdpoint:{default}:audit", "*", "event", "vote", "key", &marker_key, "seq", "9"])
        .query(&mut server.connection())
        .unwrap();
    replica.rung.until_rung(&marker.id, 1).await;
    assert_eq!(replica.rung.rings(&parking.id), 2);
}

#[tokio::test]
async fn a_store_starts_without_redis_and_is_up_once_that_is() {
    let mut server = RedisServer::stopped();
    let replica = Replica::of(server.url());
    let parking = replica.parking();
    assert!(matches!(replica.store.health(), Health::Down(_)));
    assert!(matches!(replica.store.park(&parking).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(replica.store.look(&parking.id).await, Err(StoreError::Unavailable(_))));
    let vote = replica.store.vote(&parking.id, &approve("bob")).await;
    assert!(matches!(vote, Err(VoteError::Store(StoreError::Unavailable(_)))));
    assert!(matches!(replica.store.sweep().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(replica.store.renew_lease().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(replica.store.list(&everything()).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(replica.store.listen(&parking.id).await, Err(StoreError::Unavailable(_))));

    server.restart();
    replica.until_up().await;
    replica.store.park(&parking).await.unwrap();
    replica.rung.until_rung(&parking.id, 1).await;
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

#[tokio::test]
async fn a_restarted_redis_is_subscribed_to_again() {
    let mut server = RedisServer::start();
    let replica = Replica::up(server.url()).await;
    let parking = replica.parking();
    replica.store.listen(&parking.id).await.unwrap();
    replica.store.park(&parking).await.unwrap();
    replica.rung.until_rung(&parking.id, 1).await;
    server.stop();
    replica.until_down().await;
    server.restart();
    replica.until_up().await;
    assert_eq!(replica.store.look(&parking.id).await.unwrap(), None, "this Redis keeps nothing");
    replica.store.park(&parking).await.unwrap();
    replica.rung.until_rung(&parking.id, 2).await;
    replica.store.vote(&parking.id, &reject("bob")).await.unwrap();
    replica.rung.until_rung(&parking.id, 3).await;
}

#[tokio::test]
async fn who_listens_while_a_connection_is_made_is_subscribed() {
    let server = RedisServer::start();
    let replica = Replica::up(server.url()).await;
    let mut plain = server.connection();
    for _ in 0..20 {
        let parkings: Vec<_> = (0..50).map(|_| replica.parking()).collect();
        let _: usize = cmd("CLIENT").arg(&["KILL", "SKIPME", "yes"]).query(&mut plain).unwrap();
        // One every 2 ms, over all the time that it takes to connect.
        let mut pace = tokio::time::interval(Duration::from_millis(2));
        for parking in &parkings {
            pace.tick().await;
            // While there is no connection this fails, and is made good by the next one.
            let _ = replica.store.listen(&parking.id).await;
        }
        let channels: Vec<_> = parkings
            .iter()
            .map(|p| format!("holdpoint:{{default}}:ring:{}", p.id.key().as_simple()))
            .collect();
        eventually("all are subscribed", async || {
            let counts: Vec<(String, usize)> =
                cmd("PUBSUB").arg("NUMSUB").arg(&channels).query(&mut plain).unwrap();
            counts.iter().all(|(_, subscribers)| *subscribers == 1).then_some(())
        })
        .await;
        parkings.iter().for_each(|parking| replica.store.forget(&parking.id));
    }
}

#[tokio::test]
async fn forgotten_scripts_are_sent_again() {
    let server = RedisServer::start();
    let replica = Replica::up(server.url()).await;
    let mut plain = server.connection();
    let mut forget_scripts = || cmd("SCRIPT").arg("FLUSH").query::<()>(&mut plain).unwrap();
    let parked = replica.park().await;
    forget_scripts();
    replica.store.vote(&parked.id, &approve("bob")).await.unwrap();
    forget_scripts();
    replica.store.renew_lease().await.unwrap();
    forget_scripts();
    let stands = replica.store.claim(&parked.id, attempt(&parked), &parked.held.fingerprint).await.unwrap();
    assert_eq!(stands.unwrap().state.kind(), StateKind::Released);
}

#[tokio::test]
async fn a_record_of_an_unknown_version_is_refused_and_left_alone() {
    let server = RedisServer::start();
    let replica = Replica::up(server.url()).await;
    let strange = replica.parking();
    let parked = replica.store.park(&strange).await.unwrap();
    let plain = replica.park().await;
    let mut redis = server.connection();
    // Overdue, approved and held by the attempt: everything would be possible, were it of a known version.
    let () = redis.hset_multiple(key("record", &parked), &[("v", "2"), ("deadline", "1")]).unwrap();
    let () = redis.zadd("holdpoint:{default}:due", parked.id.key().as_simple().to_string(), 1).unwrap();
    let before: Vec<(String, String)> = redis.hgetall(key("record", &parked)).unwrap();

    let (id, attempt, fingerprint) = (&parked.id, attempt(&parked), parked.held.fingerprint);
    let unreadable = |error: StoreError| assert!(matches!(error, StoreError::Unreadable { .. }), "{error:?}");
    unreadable(replica.store.look(id).await.unwrap_err());
    unreadable(replica.store.park(&strange).await.unwrap_err());
    unreadable(replica.store.claim(id, attempt, &fingerprint).await.unwrap_err());
    unreadable(replica.store.detach(id, attempt, Departure::CallerGone).await.unwrap_err());
    match replica.store.vote(id, &approve("bob")).await {
        Err(VoteError::Store(error)) => unreadable(error),
        other => panic!("{other:?}"),
    }
    assert_eq!(replica.store.sweep().await.unwrap(), []);
    let listed = replica.store.list(&everything()).await.unwrap();
    assert_eq!(listed.approvals, [plain], "the others are still listed");
    assert_eq!(redis.hgetall::<_, Vec<(String, String)>>(key("record", &parked)).unwrap(), before);
}

#[tokio::test]
async fn a_frozen_redis_is_noticed_and_answers_are_not_waited_for() {
    let server = RedisServer::start();
    let url = server.url();
    let rung = Arc::new(Rung::default());
    let settings = Settings { url, command_timeout: Duration::from_millis(100), ..Settings::default() };
    let store =
        RedisStore::start(settings, ReplicaId::random(), queues(), rung, Duration::from_secs(60)).unwrap();
    eventually("the store is up", async || (store.health() == Health::Up).then_some(())).await;
    let _: String = cmd("CLIENT").arg(&["PAUSE", "60000", "ALL"]).query(&mut server.connection()).unwrap();
    let parking = parking(&sample::held(), ReplicaId::random());
    assert!(matches!(store.park(&parking).await, Err(StoreError::Unavailable(_))));
    eventually("the store is down", async || (store.health() != Health::Up).then_some(())).await;
}

#[tokio::test]
async fn every_transition_is_in_the_audit() {
    let server = RedisServer::start();
    let replica = Replica::up(server.url()).await;
    let parked = replica.park().await;
    replica.store.detach(&parked.id, attempt(&parked), Departure::HoldOver).await.unwrap();
    let taken = replica.park().await;
    replica.store.vote(&parked.id, &approve("bob")).await.unwrap();
    replica.store.claim(&parked.id, attempt(&taken), &taken.held.fingerprint).await.unwrap();
    let audit: redis::streams::StreamRangeReply =
        server.connection().xrange_all("holdpoint:{default}:audit").unwrap();
    let text = |entry: &redis::streams::StreamId, field| entry.get::<String>(field).unwrap();
    let told: Vec<_> =
        audit.ids.iter().map(|e| ["event", "seq", "who", "state"].map(|field| text(e, field))).collect();
    let (first, second) = (attempt(&parked).to_string(), attempt(&taken).to_string());
    let expected = [
        ["park", "1", &first, "pending"],
        ["hold-over", "2", &first, "pending"],
        ["take-up", "3", &second, "pending"],
        ["approve", "4", "bob", "approved"],
        ["claim", "5", &second, "released"],
    ];
    assert_eq!(told, expected.map(|entry| entry.map(str::to_owned)));
}

#[tokio::test]
async fn nothing_of_a_forgotten_record_stays() {
    let server = RedisServer::start();
    let replica = Replica::up(server.url()).await;
    let strict = held(|h| h.fingerprint = fingerprint('7'));
    let parked = replica.store.park(&parking(&strict, replica.id)).await.unwrap();
    replica.store.vote(&parked.id, &reject("bob")).await.unwrap();
    let mut redis = server.connection();
    let () = redis.zadd("holdpoint:{default}:due", parked.id.key().as_simple().to_string(), 1).unwrap();
    replica.store.sweep().await.unwrap();
    let mut left: Vec<String> = redis.keys("*").unwrap();
    left.sort();
    assert_eq!(left, ["holdpoint:{default}:audit", "holdpoint:{default}:replicas"]);
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let start = |settings| {
        let rung = Arc::new(Rung::default());
        RedisStore::start(settings, ReplicaId::random(), queues(), rung, Duration::ZERO).err()
    };
    let url = Settings { url: "http://secret@x".into(), ..Settings::default() };
    let error = start(url).unwrap();
    assert!(matches!(error, InvalidSettings::Url(_)) && !error.to_string().contains("secret"), "{error}");
    let prefix = Settings { prefix: "a{b".into(), ..Settings::default() };
    assert!(matches!(start(prefix), Some(InvalidSettings::Prefix)));
    let pool = Settings { pool_size: 0, ..Settings::default() };
    assert!(matches!(start(pool), Some(InvalidSettings::PoolSize)));
}
