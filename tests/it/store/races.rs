//! Two or more who do it at the same moment, again and again: what stands is what everybody was told.
//!
//! `HOLDPOINT_RACE_ROUNDS` says how often (`make model`).

mod claiming;
mod deciding;
mod holding;
mod meddler;

use std::sync::Arc;

use futures_util::future::join_all;
use holdpoint::domain::approval::{Approval, Held, VoteRefused};
use holdpoint::domain::decision::Vote;
use holdpoint::store::{ApprovalStore, VoteError};
use tokio::sync::Barrier;

pub use self::claiming::*;
pub use self::deciding::*;
pub use self::holding::*;
use super::stage::{Stage, approve, held};

/// The numbers of the rounds.
fn rounds() -> std::ops::Range<usize> {
    0..std::env::var("HOLDPOINT_RACE_ROUNDS").map_or(1000, |n| n.parse().expect("a number of rounds"))
}

/// Runs all at the same moment, on threads of their own where there are enough.
async fn at_once<T: Send + 'static>(actors: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let barrier = Arc::new(Barrier::new(actors.len()));
    let tasks = actors.into_iter().map(|actor| tokio::spawn(after(Arc::clone(&barrier), actor)));
    join_all(tasks).await.into_iter().map(|done| done.expect("no actor panics")).collect()
}

/// Runs both at the same moment.
async fn both<A: Send + 'static, B: Send + 'static>(
    one: impl Future<Output = A> + Send + 'static,
    other: impl Future<Output = B> + Send + 'static,
) -> (A, B) {
    let barrier = Arc::new(Barrier::new(2));
    let one = tokio::spawn(after(Arc::clone(&barrier), one));
    let other = tokio::spawn(after(barrier, other));
    (one.await.expect("no actor panics"), other.await.expect("no actor panics"))
}

async fn after<T>(barrier: Arc<Barrier>, actor: impl Future<Output = T>) -> T {
    barrier.wait().await;
    actor.await
}

/// A call that no other round makes.
fn call_of(round: usize) -> Held {
    held(|h| h.fingerprint = format!("{round:064x}").parse().unwrap())
}

async fn approved(stage: &Stage, held: &Held) -> Approval {
    let parked = stage.park(held).await;
    stage.here.vote(&parked.id, &approve("bob")).await.unwrap()
}

/// Votes, and says what stands and whether the vote counts.
async fn cast(store: Arc<dyn ApprovalStore>, on: Approval, vote: Vote) -> (Approval, Option<VoteRefused>) {
    match store.vote(&on.id, &vote).await {
        Ok(standing) => (standing, None),
        Err(VoteError::Refused { why, standing }) => (*standing, Some(why)),
        Err(error) => panic!("{error}"),
    }
}
