//! What Redis keeps of the audit, forgets and loses.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use holdpoint::audit::{Audit, Settings, Sink, Target};
use holdpoint::clock::SystemClock;
use holdpoint::domain::audit::{Chain, Event, Line, Place, verify};
use holdpoint::domain::ids::ReplicaId;
use holdpoint::store::redis::{RedisStore, Settings as RedisSettings};
use holdpoint::store::{ApprovalStore, AuditLog, Health};
use redis::Commands;

use crate::store::stage::{Rung, parking, queues};
use crate::support::eventually::{eventually, until};
use crate::support::processes::{Holdpoint, RedisServer};
use crate::telemetry::metrics::reading;

const RAW: &str = "holdpoint:{default}:audit";
const ALL: usize = 1000;

/// More than what Redis forgets at once.
const CALLS: usize = 250;

struct World {
    server: RedisServer,
    store: Arc<RedisStore>,
    replica: ReplicaId,
}

impl World {
    /// On a store that keeps what has ended, and raw entries, no longer than it has to.
    async fn start() -> Self {
        Self::keeping(Duration::from_millis(1)).await
    }

    /// On a store that keeps them for this time.
    async fn keeping(retention: Duration) -> Self {
        let (server, replica) = (RedisServer::start().await, ReplicaId::random());
        let settings = RedisSettings { url: server.url(), ..RedisSettings::default() };
        let rung = Arc::new(Rung::default());
        let store = RedisStore::start(settings, replica, queues(), rung, retention).unwrap();
        until("the store is up", async || store.health() == Health::Up).await;
        store.renew_lease().await.unwrap();
        Self { server, store: Arc::new(store), replica }
    }

    fn audit(&self, settings: Settings) -> Arc<Audit> {
        Audit::new(self.store.clone(), Arc::new(SystemClock), ReplicaId::random(), settings)
    }

    async fn parks(&self, calls: usize) {
        for _ in 0..calls {
            let held = holdpoint::domain::sample::held();
            self.store.park(&parking(&held, self.replica)).await.unwrap();
        }
    }

    fn raw(&self) -> usize {
        self.server.connection().xlen(RAW).unwrap()
    }

    async fn lines(&self) -> Vec<Line> {
        self.store.lines(&queue(), Place::START, ALL).await.unwrap()
    }
}

fn queue() -> Chain {
    Chain::Queue("default".parse().unwrap())
}

#[tokio::test]
async fn what_is_not_in_the_chain_or_not_shipped_is_kept_past_its_time() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let to = |path: &Path| Settings {
        retention: Duration::ZERO,
        sinks: vec![Sink {
            name: "archive".into(),
            target: Target::File { path: path.to_owned(), rotate_at: 1 << 30 },
        }],
        ..Settings::default()
    };
    let down = world.audit(to(Path::new("/nowhere/audit.jsonl")));
    world.parks(CALLS).await;
    down.trim_all().await;
    assert_eq!(world.raw(), CALLS, "nothing of it is in the chain");

    down.seal_all().await;
    world.parks(1).await;
    down.ship_all().await;
    down.trim_all().await;
    assert_eq!(world.lines().await.len(), CALLS, "nothing of it is shipped");
    assert!(world.raw() < CALLS, "what is in the chain is not kept twice");
    down.seal_all().await;
    assert_eq!(world.lines().await.len(), CALLS + 1, "what was not in the chain is not lost");

    // Another replica would wait for its turn.
    let path = folder.path().join("audit.jsonl");
    let () = world.server.connection().del("holdpoint:{default}:turn:archive").unwrap();
    let up = world.audit(to(&path));
    up.ship_all().await;
    up.trim_all().await;
    assert!(world.lines().await.len() <= 1, "what is shipped goes");
    let shipped = std::fs::read_to_string(&path).unwrap();
    let section = &verify(&shipped, None).unwrap().chains["default"];
    assert_eq!((section.first, section.last), (1, CALLS as u64 + 1));
}

#[tokio::test]
async fn raw_entries_are_kept_for_their_time_though_they_are_in_the_chain() {
    let world = World::keeping(Duration::from_secs(3600)).await;
    let audit = world.audit(Settings::default());
    world.parks(CALLS).await;
    audit.seal_all().await;
    audit.trim_all().await;
    assert_eq!(world.raw(), CALLS);
}

#[tokio::test]
async fn another_replica_ships_nothing_out_of_its_turn() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let target = Target::File { path: folder.path().join("audit.jsonl"), rotate_at: 1 << 30 };
    let to = || Settings {
        sinks: vec![Sink { name: "archive".into(), target: target.clone() }],
        ..Settings::default()
    };
    let (first, second) = (world.audit(to()), world.audit(to()));
    let shipped = async || world.store.shipped(&queue(), "archive").await.unwrap();
    world.parks(1).await;
    first.seal_all().await;
    first.ship_all().await;
    world.parks(1).await;
    second.seal_all().await;
    second.ship_all().await;
    assert_eq!(shipped().await, Place::entry(1));
    first.ship_all().await;
    assert_eq!(shipped().await, Place::entry(2));
}

#[tokio::test]
async fn a_store_that_comes_back_from_an_older_state_is_found_out() {
    // The chain is shorter than it was, as long, or longer.
    for later in [0, 2, 4] {
        found_out(later).await;
    }
}

async fn found_out(later: usize) {
    let world = World::start().await;
    let audit = world.audit(Settings::default());
    let another = world.audit(Settings::default());
    world.parks(3).await;
    audit.seal_all().await;
    let older = dump(&mut world.server.connection());
    world.parks(2).await;
    audit.seal_all().await;
    another.seal_all().await;
    let ended = world.lines().await.last().unwrap().clone();

    restore(&mut world.server.connection(), &older);
    assert_eq!(world.lines().await.len(), 3);
    world.parks(later).await;
    // It has not seen what was lost.
    world.audit(Settings::default()).seal_all().await;
    assert_eq!(world.lines().await.len(), 3 + later);
    audit.seal_all().await;
    another.seal_all().await;
    audit.seal_all().await;
    let facts: Vec<_> = world.lines().await.iter().filter_map(Line::fact).collect();
    let forks: Vec<_> = facts.iter().filter(|fact| fact.event == Event::Forked).collect();
    assert_eq!(forks.len(), 2, "each that has seen it tells it once");
    let hash: serde_json::Value = serde_json::from_str(&ended.text).unwrap();
    assert_eq!((&forks[0].detail["had"], &forks[0].detail["hash"]), (&5.into(), &hash["hash"]));
}

#[tokio::test]
async fn a_replica_says_in_its_log_and_metrics_that_the_store_lost_entries() {
    let world = World::start().await;
    let replica = Holdpoint::start("", Some(&world.server)).await;
    let sealed = async |n: usize| until("the entries", async || world.lines().await.len() >= n).await;
    world.parks(3).await;
    sealed(3).await;
    let older = dump(&mut world.server.connection());
    world.parks(2).await;
    sealed(5).await;
    restore(&mut world.server.connection(), &older);
    let forks = r#"holdpoint_audit_forks_total{chain="default"}"#;
    eventually("the fork to be counted", async || reading(&replica, forks).await).await;
    assert!(replica.log().contains("the store has lost entries of the audit"), "{}", replica.log());
}

/// The part of the Redis that queue `default` has.
fn dump(redis: &mut redis::Connection) -> HashMap<String, Vec<u8>> {
    let keys: Vec<String> = redis.keys("holdpoint:{default}:*").unwrap();
    let dumped = |key: String| {
        let content = redis::cmd("DUMP").arg(&key).query(redis).unwrap();
        (key, content)
    };
    keys.into_iter().map(dumped).collect()
}

fn restore(redis: &mut redis::Connection, dumped: &HashMap<String, Vec<u8>>) {
    let keys: Vec<String> = redis.keys("holdpoint:{default}:*").unwrap();
    let mut at_once = redis::pipe();
    at_once.atomic().del(keys).ignore();
    for (key, content) in dumped {
        at_once.cmd("RESTORE").arg(key).arg(0).arg(content).ignore();
    }
    let () = at_once.query(redis).unwrap();
}
