//! What keeps a page true: an event for each change on any replica.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;

use super::Admin;
use super::api::pending;
use super::card::{Ended, Standing};
use super::identity::Asking;
use crate::approvals::Change;
use crate::clock::{Clock, SystemClock};
use crate::domain::approval::{Approval, State as Stands};
use crate::domain::decision::Reviewer;
use crate::domain::ids::ApprovalId;
use crate::store::{Health, StoreError};

/// How often a stream without news shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a stream looks whether the store answers.
const LOOK_AFTER_STORE: Duration = Duration::from_millis(500);
/// How soon a browser comes back.
const RETRY: Duration = Duration::from_secs(1);

/// All that is pending; what the page shows beside it has ended.
#[derive(Serialize)]
struct Sync {
    now: Timestamp,
    ids: Vec<String>,
}

/// What changed of one approval.
#[derive(Serialize)]
struct Fragment {
    id: String,
    html: String,
}

/// `GET /events`
pub(super) async fn events(State(admin): State<Arc<Admin>>, Asking(reviewer): Asking) -> Response {
    follow(admin, move |admin, change| {
        let reviewer = reviewer.clone();
        async move {
            match change {
                Change::Record(id) => Ok(vec![of_record(&admin, &id, &reviewer).await?]),
                Change::Anything => of_all(&admin, &reviewer).await,
            }
        }
    })
}

async fn of_record(admin: &Admin, id: &ApprovalId, reviewer: &Reviewer) -> Result<Event, StoreError> {
    let html = match admin.approvals.look(id).await? {
        Some(approval) if approval.state == Stands::Pending => return Ok(card(&approval, reviewer)),
        Some(approval) => Ended::of(&approval).to_string(),
        None => String::new(),
    };
    Ok(event("gone", &Fragment { id: id.to_string(), html }))
}

async fn of_all(admin: &Admin, reviewer: &Reviewer) -> Result<Vec<Event>, StoreError> {
    let approvals = pending(&admin.approvals).await?;
    let ids = approvals.iter().map(|approval| approval.id.to_string()).collect();
    let sync = event("sync", &Sync { now: SystemClock.now(), ids });
    Ok([sync].into_iter().chain(approvals.iter().map(|approval| card(approval, reviewer))).collect())
}

fn card(approval: &Approval, reviewer: &Reviewer) -> Event {
    let html = Standing::of(approval, reviewer).to_string();
    event("card", &Fragment { id: approval.id.to_string(), html })
}

/// An event with this name and data.
pub(super) fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).json_data(data).expect("texts and times can be written as JSON")
}

/// Waits until the store does not answer, and says why. No change would tell of it.
async fn store_is_away(admin: &Admin) -> String {
    loop {
        tokio::time::sleep(LOOK_AFTER_STORE).await;
        if let Health::Down(why) = admin.approvals.health() {
            return StoreError::Unavailable(why).to_string();
        }
    }
}

/// Tells of each change from now on, beginning with all: whoever looks once it listens misses nothing.
///
/// The stream ends when this replica drains or its store fails; the other end then connects again, to any replica.
pub(super) fn follow<Tell, Told>(admin: Arc<Admin>, tell: Tell) -> Response
where
    Tell: Fn(Arc<Admin>, Change) -> Told + Send + 'static,
    Told: Future<Output = Result<Vec<Event>, StoreError>> + Send + 'static,
{
    let changes = admin.approvals.changes();
    let told = stream::unfold(Some((changes, tell, Some(Change::Anything))), move |state| {
        let admin = Arc::clone(&admin);
        async move {
            let (mut changes, tell, first) = state?;
            let change = match first {
                Some(first) => first,
                None => tokio::select! {
                    () = admin.draining.cancelled() => return None,
                    why = store_is_away(&admin) => return Some((vec![event("trouble", &why)], None)),
                    change = changes.recv() => match change {
                        Ok(change) => change,
                        Err(RecvError::Lagged(_)) => Change::Anything,
                        Err(RecvError::Closed) => return None,
                    },
                },
            };
            match tell(Arc::clone(&admin), change).await {
                Ok(events) => Some((events, Some((changes, tell, None)))),
                Err(error) => Some((vec![event("trouble", &error.to_string())], None)),
            }
        }
    });
    let hello = stream::iter([Event::default().retry(RETRY).comment("hello")]);
    let events = hello.chain(told.flat_map(stream::iter)).map(Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response()
}
