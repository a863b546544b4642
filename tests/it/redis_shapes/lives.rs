//! What one life of Redis showed or recorded does not count in the next.

use holdpoint::domain::approval::{State, VoteRefused};
use holdpoint::domain::decision::Vote;
use holdpoint::store::VoteError;

use super::*;
use crate::support::redis_topologies::Server;

#[tokio::test]
async fn a_server_that_was_a_replica_meanwhile_is_another_life() {
    let (redis, other) = (Server::start(&[]).await, Server::start(&[]).await);
    let here = Replica::at(redis.url()).await;
    let (approved, open) = (here.listen_and_park("default").await, here.listen_and_park("default").await);
    here.store.vote(&approved.id, &approve("bob")).await.unwrap();

    // The other is promoted, and then this one again: its process, and its run_id, are what they were.
    follow(&other, &redis).await;
    other.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    follow(&redis, &other).await;
    here.until_down().await;
    redis.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
    here.until_up().await;

    let claimed = here.claim(&approved).await;
    assert_eq!((claimed.state, claimed.void), (State::Pending, 1), "asked again");

    let late = Vote { seen_in: Some(open.seen_in), ..approve("bob") };
    let standing = match here.store.vote(&open.id, &late).await {
        Err(VoteError::Refused { why: VoteRefused::Void, standing }) => standing,
        other => panic!("{other:?}"),
    };
    assert!(standing.may_have_run() && standing.votes.is_empty(), "{standing:?}");
    let anew = Vote { seen_in: Some(standing.seen_in), ..approve("bob") };
    assert_eq!(here.store.vote(&open.id, &anew).await.unwrap().state.kind(), StateKind::Approved);
    assert!(!here.listen_and_park("default").await.may_have_run(), "it is of this life");
}

/// Waits until a server has all that the other has.
async fn follow(server: &Server, primary: &Server) {
    server.ask::<()>(&["REPLICAOF", "127.0.0.1", &primary.port.to_string()]);
    until("it follows", async || server.ask::<String>(&["INFO", "replication"]).contains("link_status:up"))
        .await;
}
