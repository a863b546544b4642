//! What a record leaves in Redis, and records that are not as this program writes them.

use holdpoint::domain::approval::{Approval, Departure, State};
use holdpoint::store::{ApprovalStore, StoreError, VoteError};
use redis::Commands;

use crate::store::stage::{approve, attempt, fingerprint, held, parking, reject};
use crate::support::processes::RedisServer;
use crate::support::replica::{Replica, everything};

#[tokio::test]
async fn an_approval_that_another_redis_recorded_is_asked_for_again() {
    let server = RedisServer::start().await;
    let replica = Replica::at(server.url()).await;
    let parked = replica.park("default").await;
    replica.store.vote(&parked.id, &approve("bob")).await.unwrap();
    server.rewrite(&parked.id, "under", &"ab".repeat(20));

    let claimed = replica.store.claim(&parked.id, attempt(&parked), &parked.held.fingerprint).await;
    let claimed = claimed.unwrap().unwrap();
    assert_eq!((claimed.state, claimed.void, claimed.votes.len()), (State::Pending, 1, 1));
    assert_eq!(claimed.holder, parked.holder, "the call waits on");

    replica.store.vote(&parked.id, &approve("bob")).await.expect("bob is asked again");
    let claimed = replica.store.claim(&parked.id, attempt(&parked), &parked.held.fingerprint).await;
    assert!(claimed.unwrap().unwrap().release(attempt(&parked), &parked.held.fingerprint).is_some());
}

#[tokio::test]
async fn a_record_of_an_unknown_version_is_refused_and_left_alone() {
    for version in ["0", "2"] {
        let server = RedisServer::start().await;
        let replica = Replica::at(server.url()).await;
        let strange = replica.parking("default");
        let parked = replica.store.park(&strange).await.unwrap();
        let plain = replica.park("default").await;
        let mut redis = server.connection();
        // Overdue, approved and held by the attempt: everything would be possible, were it of a known version.
        server.rewrite(&parked.id, "v", version);
        server.rewrite(&parked.id, "deadline", "1");
        let () = redis.zadd("holdpoint:{default}:due", parked.id.key().as_simple().to_string(), 1).unwrap();
        let before: String = redis.get(key("record", &parked)).unwrap();

        let (id, attempt, fingerprint) = (&parked.id, attempt(&parked), parked.held.fingerprint);
        let unreadable =
            |error: StoreError| assert!(matches!(error, StoreError::Unreadable { .. }), "{error:?}");
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
        assert_eq!(redis.get::<_, String>(key("record", &parked)).unwrap(), before);
    }
}

#[tokio::test]
async fn every_transition_is_in_the_audit() {
    let server = RedisServer::start().await;
    let replica = Replica::at(server.url()).await;
    let parked = replica.park("default").await;
    replica.store.detach(&parked.id, attempt(&parked), Departure::HoldOver).await.unwrap();
    let taken = replica.park("default").await;
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
    let server = RedisServer::start().await;
    let replica = Replica::at(server.url()).await;
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

/// The key of a part of this record.
fn key(part: &str, approval: &Approval) -> String {
    format!("holdpoint:{{{}}}:{part}:{}", approval.id.queue(), approval.id.key().as_simple())
}
