//! Connections that break, and a Redis that goes and comes.

use std::sync::Arc;
use std::time::Duration;

use holdpoint::domain::approval::StateKind;
use holdpoint::domain::ids::ReplicaId;
use holdpoint::domain::sample;
use holdpoint::store::redis::{InvalidSettings, RedisStore, Settings};
use holdpoint::store::{ApprovalStore, Health, StoreError, VoteError};
use redis::cmd;

use crate::store::stage::{Rung, approve, attempt, parking, queues, reject};
use crate::support::eventually::eventually;
use crate::support::processes::RedisServer;
use crate::support::replica::{Replica, everything};

#[tokio::test]
async fn a_lost_connection_comes_back_with_its_subscriptions() {
    let server = RedisServer::start().await;
    let replica = Replica::at(server.url()).await;
    let other = Replica::at(server.url()).await;
    let mut calls = Vec::new();
    for _ in 0..700 {
        let parked = replica.park("default").await;
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
async fn a_store_starts_without_redis_and_is_up_once_that_is() {
    let mut server = RedisServer::stopped();
    let replica = Replica::of(Settings { url: server.url(), ..Settings::default() });
    let parking = replica.parking("default");
    assert!(matches!(replica.store.health(), Health::Down(_)));
    assert!(matches!(replica.store.park(&parking).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(replica.store.look(&parking.id).await, Err(StoreError::Unavailable(_))));
    let vote = replica.store.vote(&parking.id, &approve("bob")).await;
    assert!(matches!(vote, Err(VoteError::Store(StoreError::Unavailable(_)))));
    assert!(matches!(replica.store.sweep().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(replica.store.renew_lease().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(replica.store.list(&everything()).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(replica.store.listen(&parking.id).await, Err(StoreError::Unavailable(_))));

    server.restart().await;
    replica.until_up().await;
    replica.store.park(&parking).await.unwrap();
    replica.rung.until_rung(&parking.id, 1).await;
}

#[tokio::test]
async fn a_restarted_redis_is_subscribed_to_again() {
    let mut server = RedisServer::start().await;
    let replica = Replica::at(server.url()).await;
    let parking = replica.parking("default");
    replica.store.listen(&parking.id).await.unwrap();
    replica.store.park(&parking).await.unwrap();
    replica.rung.until_rung(&parking.id, 1).await;
    server.stop();
    replica.until_down().await;
    server.restart().await;
    replica.until_up().await;
    assert_eq!(replica.store.look(&parking.id).await.unwrap(), None, "this Redis keeps nothing");
    replica.store.park(&parking).await.unwrap();
    replica.rung.until_rung(&parking.id, 2).await;
    replica.store.vote(&parking.id, &reject("bob")).await.unwrap();
    replica.rung.until_rung(&parking.id, 3).await;
}

#[tokio::test]
async fn who_listens_while_a_connection_is_made_is_subscribed() {
    let server = RedisServer::start().await;
    let replica = Replica::at(server.url()).await;
    let mut plain = server.connection();
    for _ in 0..20 {
        let parkings: Vec<_> = (0..50).map(|_| replica.parking("default")).collect();
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
    let server = RedisServer::start().await;
    let replica = Replica::at(server.url()).await;
    let mut plain = server.connection();
    let mut forget_scripts = || cmd("SCRIPT").arg("FLUSH").query::<()>(&mut plain).unwrap();
    let parked = replica.park("default").await;
    forget_scripts();
    replica.store.vote(&parked.id, &approve("bob")).await.unwrap();
    forget_scripts();
    replica.store.renew_lease().await.unwrap();
    forget_scripts();
    let stands = replica.store.claim(&parked.id, attempt(&parked), &parked.held.fingerprint).await.unwrap();
    assert_eq!(stands.unwrap().state.kind(), StateKind::Released);
}

#[tokio::test]
async fn a_frozen_redis_is_noticed_and_answers_are_not_waited_for() {
    let server = RedisServer::start().await;
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
