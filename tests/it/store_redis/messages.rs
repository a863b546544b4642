//! Who is rung, and what happens to messages that are lost.

use holdpoint::store::{ApprovalStore, StoreError};
use redis::cmd;

use crate::store::stage::approve;
use crate::support::eventually::eventually;
use crate::support::processes::RedisServer;
use crate::support::replica::Replica;

#[tokio::test]
async fn nobody_is_rung_who_does_not_listen() {
    let server = RedisServer::start().await;
    let replica = Replica::at(server.url()).await;
    let forgotten = replica.parking("default");
    replica.store.listen(&forgotten.id).await.unwrap();
    replica.store.forget(&forgotten.id);
    let other = replica.parking("default");
    replica.store.listen(&other.id).await.unwrap();
    replica.store.park(&forgotten).await.unwrap();
    replica.store.park(&other).await.unwrap();
    replica.rung.until_rung(&other.id, 1).await;
    assert_eq!(replica.rung.rings(&forgotten.id), 0);
}

#[tokio::test]
async fn what_nobody_listens_for_any_more_is_unsubscribed() {
    let server = RedisServer::start().await;
    let replica = Replica::at(server.url()).await;
    let parking = replica.parking("default");
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
async fn a_lost_message_is_found_in_the_audit() {
    let server = RedisServer::start().await;
    let other = Replica::at(server.url()).await;
    // One that may not subscribe: no message reaches it.
    let _: String = cmd("ACL")
        .arg(&["SETUSER", "deaf", "on", ">secret", "~*", "+@all", "resetchannels"])
        .query(&mut server.connection())
        .unwrap();
    let deaf = Replica::at(server.url().replace("//", "//deaf:secret@")).await;
    let parked = deaf.park("default").await;
    let error = deaf.store.listen(&parked.id).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let before = deaf.rung.rings(&parked.id);
    other.store.vote(&parked.id, &approve("bob")).await.unwrap();
    deaf.rung.until_rung(&parked.id, before + 1).await;
    assert_eq!(deaf.rung.changes(&parked.id), 0, "it was no message");
}

#[tokio::test]
async fn a_change_counts_although_its_message_is_not_permitted() {
    let server = RedisServer::start().await;
    let listener = Replica::at(server.url()).await;
    let _: String = cmd("ACL")
        .arg(&["SETUSER", "mute", "on", ">secret", "~*", "+@all", "resetchannels"])
        .query(&mut server.connection())
        .unwrap();
    let mute = Replica::at(server.url().replace("//", "//mute:secret@")).await;
    let parked = listener.park("default").await;
    listener.store.listen(&parked.id).await.unwrap();
    let before = listener.rung.rings(&parked.id);
    mute.store.vote(&parked.id, &approve("bob")).await.unwrap();
    listener.rung.until_rung(&parked.id, before + 1).await;
}

#[tokio::test]
async fn what_was_heard_does_not_ring_again_from_the_audit() {
    let server = RedisServer::start().await;
    let replica = Replica::at(server.url()).await;
    let parking = replica.parking("default");
    replica.store.listen(&parking.id).await.unwrap();
    replica.store.park(&parking).await.unwrap();
    replica.store.vote(&parking.id, &approve("bob")).await.unwrap();
    replica.rung.until_rung(&parking.id, 2).await;
    // A later entry without a message: once it rings, the audit has been read past those before it.
    let marker = replica.parking("default");
    replica.store.listen(&marker.id).await.unwrap();
    let marker_key = marker.id.key().as_simple().to_string();
    let _: String = cmd("XADD")
        .arg(&["holdpoint:{default}:audit", "*", "event", "vote", "key", &marker_key, "seq", "9"])
        .query(&mut server.connection())
        .unwrap();
    replica.rung.until_rung(&marker.id, 1).await;
    assert_eq!(replica.rung.rings(&parking.id), 2);
}
