//! What lies between a replica and Redis is slow and loses connections, or Redis pauses.

use std::time::Duration;

use redis::cmd;

use super::{CONFIG, says_ready};
use crate::support::eventually::eventually;
use crate::support::gateway::{Gateway, Told};
use crate::support::processes::{Holdpoint, RedisServer};
use crate::support::proxy::{Proxy, Weather};

const SLOW: Weather = Weather::Slow(Duration::from_millis(100));

#[tokio::test]
async fn calls_outlive_a_slow_network_that_cuts_half_closes_and_loses() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.port()).await.expect("a proxy");
    let behind = Holdpoint::with(CONFIG, format!("redis://127.0.0.1:{}", proxy.port)).await;
    let other = Holdpoint::start(CONFIG, Some(&redis)).await;
    let gateway = Gateway::before(&behind).await;
    proxy.set(SLOW);
    let faults: [&dyn Fn(); 3] = [&|| proxy.cut(), &|| proxy.half_close(), &|| proxy.set(Weather::BlackHole)];
    says_ready(&other).await;
    for (number, fault) in faults.into_iter().enumerate() {
        says_ready(&behind).await;
        let asked = gateway.asks(number);
        let id = other.reviewer().sees_one().await;
        fault();
        other.reviewer().approves(&id).await;
        proxy.set(SLOW);
        assert_eq!(asked.told().await, Told::Released);
    }
}

#[tokio::test]
async fn calls_outlive_a_redis_that_pauses() {
    let redis = RedisServer::start().await;
    let replica = Holdpoint::start(CONFIG, Some(&redis)).await;
    says_ready(&replica).await;
    let gateway = Gateway::before(&replica).await;
    let asked = gateway.asks(1);
    let id = replica.reviewer().sees_one().await;
    let _: String = cmd("CLIENT").arg(&["PAUSE", "3000", "ALL"]).query(&mut redis.connection()).unwrap();
    let decide = async || {
        let decided = replica.reviewer().decide(&id, serde_json::json!({ "approved": true })).await;
        decided.status().is_success().then_some(())
    };
    eventually("the decision to be recorded", decide).await;
    assert_eq!(asked.told().await, Told::Released);
}
