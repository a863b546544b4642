//! One store in every shape of Redis: a server with TLS or little leave, Sentinels, a cluster.

mod cluster;
mod fitness;
mod lives;
mod replication;
mod sentinel;
mod server;

use std::sync::Arc;
use std::time::Duration;

use holdpoint::audit;
use holdpoint::clock::SystemClock;
use holdpoint::domain::approval::{Approval, StateKind};
use holdpoint::domain::audit::{Event, Note, verify};
use holdpoint::domain::credential::TokenDigest;
use holdpoint::domain::ids::ReplicaId;
use holdpoint::store::redis::{ClientCertificate, RedisStore, Settings};
use holdpoint::store::{ApprovalStore, AuditLog, Health, IdentityStore};

use crate::store::identities::{session, token};
use crate::store::stage::{Rung, approve, attempt, queues};
use crate::support::authority::Authority;
use crate::support::eventually::until;
use crate::support::replica::{Replica, everything};

/// What every shape has to do.
async fn the_essentials(settings: Settings) {
    let here = Replica::up(settings.clone()).await;
    let there = Replica::up(settings).await;
    for queue in ["default", "dba", "sre"] {
        here.store.renew_lease().await.unwrap();
        let parked = here.listen_and_park(queue).await;
        assert_eq!(there.store.look(&parked.id).await.unwrap().as_ref(), Some(&parked));
        here.hears_and_is_released(&there, &parked).await;
    }
    assert_eq!(there.store.sweep().await.unwrap(), []);
    let all = there.store.list(&everything()).await.unwrap();
    assert_eq!(all.approvals.len(), 3, "of all queues");
    let left = here.listen_and_park("dba").await;
    here.store
        .detach(&left.id, attempt(&left), holdpoint::domain::approval::Departure::CallerGone)
        .await
        .unwrap();
    let again = there.store.park(&there.parking("dba")).await.unwrap();
    assert_eq!(again.id, left.id);
    here.store.forget(&left.id);
    the_audit(there).await;
}

/// What happened in three queues can be sealed, shipped and forgotten.
async fn the_audit(replica: Replica) {
    replica.store.note(&Note::new(Event::Started)).await.unwrap();
    let log: Arc<dyn AuditLog> = Arc::new(replica.store);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let target = audit::Target::File { path: path.clone(), rotate_at: 1 << 20 };
    let sinks = vec![audit::Sink { name: "archive".into(), target }];
    let settings = audit::Settings { sinks, ..audit::Settings::default() };
    let audit = audit::Audit::new(log, Arc::new(SystemClock), replica.id, settings);
    for _ in 0..2 {
        audit.seal_all().await;
        audit.ship_all().await;
        audit.trim_all().await;
    }
    let shipped = verify(&std::fs::read_to_string(path).unwrap(), None).unwrap();
    let chains: Vec<_> = shipped.chains.keys().map(String::as_str).collect();
    assert_eq!(chains, ["(system)", "dba", "default", "sre"]);
    assert!(!audit.search(&audit::Query { limit: 10, ..Default::default() }).await.unwrap().lines.is_empty());
}

/// How to reach what speaks TLS alone, and asks who connects.
fn with_tls(url: String, authority: &Authority) -> Settings {
    let bytes = |text: &String| text.clone().into_bytes();
    let client = ClientCertificate { certificate: bytes(&authority.certificate), key: bytes(&authority.key) };
    Settings {
        url: url.replace("redis", "rediss"),
        ca: Some(bytes(&authority.root)),
        client: Some(client),
        ..Settings::default()
    }
}

/// Waits until a store that must not come up says why it does not.
async fn is_down_because_of(replica: &Replica, reason: &str) {
    until(&format!("it is down because of: {reason}"), async || match replica.store.health() {
        Health::Down(why) => why.to_lowercase().contains(reason),
        Health::Up => panic!("it is up"),
    })
    .await;
}

/// What every shape has to do for those who sign in.
async fn identities_are_kept(store: &RedisStore) {
    const HOUR: Duration = Duration::from_secs(3600);
    let secret = TokenDigest::of("secret");
    let (session, token) = (session(HOUR), token("token", HOUR));
    store.open_session(&secret, &session, HOUR).await.unwrap();
    assert_eq!(store.session(&secret, HOUR).await.unwrap(), Some(session));
    store.end_session(&secret).await.unwrap();
    assert_eq!(store.session(&secret, HOUR).await.unwrap(), None);
    store.add_token(&token).await.unwrap();
    assert_eq!(store.token(&token.digest).await.unwrap().as_ref(), Some(&token));
    assert_eq!(store.tokens().await.unwrap(), std::slice::from_ref(&token));
    assert!(store.revoke_token(&token.digest).await.unwrap());
}
