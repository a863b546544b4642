//! Replicas that freeze, and that leave with much in their hands.

use redis::Commands;

use super::{CONFIG, says_ready};
use crate::support::eventually::eventually;
use crate::support::gateway::{Gateway, Told};
use crate::support::processes::{Holdpoint, RedisServer};

const MANY: usize = 1_000;

#[tokio::test]
async fn a_thousand_calls_on_a_replica_that_leaves_come_back_and_nobody_is_asked_again() {
    let redis = RedisServer::start().await;
    let config = "limits: { per_caller: 2000 }\nshutdown: { grace: 100ms, drain: 100ms }";
    let (mut leaving, other) =
        tokio::join!(Holdpoint::start(config, Some(&redis)), Holdpoint::start(config, Some(&redis)));
    let (here, there) = (Gateway::before(&leaving).await, Gateway::before(&other).await);
    let asked: Vec<_> = (0..MANY).map(|number| here.asks(number)).collect();
    are_parked(&leaving, &redis).await;

    assert!(leaving.leave().await.success());
    for asked in asked {
        // In which words depends on how much of it a busy machine writes down before it leaves.
        assert_ne!(asked.told().await, Told::Released);
    }
    let again: Vec<_> = (0..MANY).map(|number| there.asks(number)).collect();
    are_parked(&other, &redis).await;
    assert!(again.iter().all(|asked| asked.waits()));
}

/// Waits until all calls wait on this replica. There is one record for each.
async fn are_parked(replica: &Holdpoint, redis: &RedisServer) {
    eventually("a thousand parked calls", async || {
        let open: usize = redis.connection().zcard("holdpoint:{default}:open").expect("Redis answers");
        assert!(open <= MANY, "{open} records");
        (open == MANY && replica.parked().await == MANY as u64).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_replica_that_was_frozen_lets_nothing_through_that_another_has_released() {
    let redis = RedisServer::start().await;
    let (frozen, other) =
        tokio::join!(Holdpoint::start(CONFIG, Some(&redis)), Holdpoint::start(CONFIG, Some(&redis)));
    let (here, there) = (Gateway::before(&frozen).await, Gateway::before(&other).await);
    says_ready(&other).await;
    let before = here.asks(1);
    let id = other.reviewer().sees_one().await;

    frozen.freeze();
    let again = there.asks(1);
    eventually("its lease to run out", async || (other.parked().await == 1).then_some(())).await;
    assert_eq!(other.reviewer().sees_one().await, id, "nobody is asked a second time");
    other.reviewer().approves(&id).await;
    assert_eq!(again.told().await, Told::Released);
    assert!(before.waits());

    frozen.thaw();
    assert_eq!(before.told().await, Told::denied("pending"));
}
