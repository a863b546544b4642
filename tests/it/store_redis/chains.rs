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
use crate::support::eventually::until;
use crate::support::processes::RedisServer;

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
        let (server, replica) = (RedisServer::start().await, ReplicaId::random());
        let settings = RedisSettings { url: server.url(), ..RedisSettings::default() };
        let rung = Arc::new(Rung::default());
        let store = RedisStore::start(settings, replica, queues(), rung, Duration::from_millis(1)).unwrap();
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
async fn a_store_that_comes_back_from_an_older_state_is_found_out() {
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
    world.parks(4).await;
    // It has not seen what was lost.
    world.audit(Settings::default()).seal_all().await;
    assert_eq!(world.lines().await.len(), 7);
    audit.seal_all().await;
    another.seal_all().await;
    audit.seal_all().await;
    let facts: Vec<_> = world.lines().await.iter().filter_map(Line::fact).collect();
    let forks: Vec<_> = facts.iter().filter(|fact| fact.event == Event::Forked).collect();
    assert_eq!(forks.len(), 2, "each that has seen it tells it once");
    let hash: serde_json::Value = serde_json::from_str(&ended.text).unwrap();
    assert_eq!((&forks[0].detail["had"], &forks[0].detail["hash"]), (&5.into(), &hash["hash"]));
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
    let () = redis.del(keys).unwrap();
    for (key, content) in dumped {
        let () = redis::cmd("RESTORE").arg(key).arg(0).arg(content).query(redis).unwrap();
    }
}
