//! What keeps a page true: it is told which approvals changed on any replica, and looks at those that it shows.
//!
//! So an event is the same for every reader, and costs next to nothing however many calls arrive.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use jiff::Timestamp;
use serde::Serialize;

use super::Admin;
use super::card::version;
use super::follow::{event, follow, left_off};
use super::identity::Staying;
use super::queue::oldest;
use crate::approvals::Change;
use crate::clock::{Clock, SystemClock};
use crate::store::StoreError;

/// What every event says.
#[derive(Serialize)]
struct News<T> {
    now: Timestamp,
    /// How many approvals are open in all.
    open: u64,
    #[serde(flatten)]
    what: T,
}

/// These changed.
#[derive(Serialize)]
struct Changed {
    ids: Vec<String>,
}

/// What waits; what the page shows beside it has ended, unless more wait.
#[derive(Serialize)]
struct Sync {
    /// As many as a page has room for, the oldest: id and version.
    cards: Vec<(String, String)>,
    /// Whether more wait.
    more: bool,
}

/// `GET /events`
pub(super) async fn events(State(admin): State<Arc<Admin>>, reader: Staying, headers: HeaderMap) -> Response {
    let told_of = Arc::clone(&admin);
    follow(admin, reader, left_off(&headers), move |changes| {
        let admin = Arc::clone(&told_of);
        async move { Ok(vec![tell(&admin, changes).await?]) }
    })
}

/// Told of nothing, too: a page that comes back reads that it has missed nothing.
async fn tell(admin: &Admin, changes: Vec<Change>) -> Result<Event, StoreError> {
    let id = |change: &Change| match change {
        Change::Record(id) => Some(id.to_string()),
        Change::Anything => None,
    };
    let now = SystemClock.now();
    if let Some(ids) = changes.iter().map(id).collect() {
        let open = admin.approvals.count_open().await?;
        return Ok(event("changed", &News { now, open, what: Changed { ids } }));
    }
    let waiting = oldest(&admin.approvals).await?;
    let open = admin.approvals.count_open().await?;
    let cards = waiting.approvals.iter().map(|approval| (approval.id.to_string(), version(approval)));
    let sync = Sync { cards: cards.collect(), more: waiting.next.is_some() };
    Ok(event("sync", &News { now, open, what: sync }))
}
