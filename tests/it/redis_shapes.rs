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
use holdpoint::domain::credential::TokenDigest;
use holdpoint::domain::ids::ReplicaId;
use holdpoint::store::redis::{RedisStore, Settings};
use holdpoint::store::{ApprovalStore, Health, IdentityStore};

use crate::store::identities::{session, token};
use crate::store::stage::{Rung, approve, attempt, queues};
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
