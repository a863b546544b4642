//! A replica that cannot reach Redis, while everybody else can reach both.

use serde_json::json;

use super::{CONFIG, says_degraded, says_ready};
use crate::support::eventually::eventually;
use crate::support::gateway::{Gateway, Told};
use crate::support::network::{self, Network};
use crate::support::processes::{Holdpoint, Reviewer};
use crate::support::redis_topologies::Server;

#[tokio::test]
async fn a_replica_that_is_cut_off_from_redis_lets_nothing_through_and_recovers() {
    if !network::is_ours(
        "outage::partition::a_replica_that_is_cut_off_from_redis_lets_nothing_through_and_recovers",
    )
    .await
    {
        return;
    }
    let network = Network::start().await;
    let redis = Server::start(&["--bind", "127.0.0.1", Network::REDIS, "--protected-mode", "no"]).await;
    let far = format!("redis://{}:{}", Network::REDIS, redis.port);
    let cut_off = Holdpoint::inside(&network, CONFIG, far).await;
    let other = Holdpoint::with(CONFIG, redis.url()).await;
    let (here, there) = (Gateway::before(&cut_off).await, Gateway::before(&other).await);
    let reviewer = other.reviewer();
    for replica in [&cut_off, &other] {
        says_ready(replica).await;
    }

    let decided_meanwhile = here.asks(1);
    let first = sees(&reviewer, 1).await;
    let decided_later = here.asks(2);
    let second = sees(&reviewer, 2).await;

    network.cut_off();
    says_degraded(&cut_off).await;
    assert_eq!(here.asks(3).told().await, Told::denied("store_unavailable"));
    reviewer.approves(&first).await;
    // Once the lease of the one that is cut off has run out.
    assert_eq!(there.asks(1).told().await, Told::Released);
    assert!(decided_meanwhile.waits() && decided_later.waits());

    network.reconnect();
    says_ready(&cut_off).await;
    assert_eq!(decided_meanwhile.told().await, Told::denied("pending"), "it was released once");
    assert!(decided_later.waits());
    reviewer.approves(&second).await;
    assert_eq!(decided_later.told().await, Told::Released);
    let new = here.asks(4);
    cut_off.reviewer().approves(&sees(&reviewer, 4).await).await;
    assert_eq!(new.told().await, Told::Released);
}

/// Waits until the reviewer sees the call of this number, and returns the id of its approval.
async fn sees(reviewer: &Reviewer, number: usize) -> String {
    let arguments = json!({ "table": number });
    eventually("the call to be seen", async || {
        let pending = reviewer.pending().await;
        let call = pending.iter().find(|call| call["toolArgs"] == arguments)?;
        Some(call["id"].as_str().expect("an id").to_owned())
    })
    .await
}
