//! What changes, for a reader who stays: one stream for the page and the API.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use tokio::time::sleep;

use super::Admin;
use super::identity::Staying;
use crate::approvals::{Change, Place};
use crate::store::{Health, StoreError};

/// So much time lies between two looks at what changed. What changes meanwhile is told together, and each record once.
const PACE: Duration = Duration::from_millis(250);
/// How often a stream without news shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a stream looks whether the store answers.
const LOOK_AFTER_STORE: Duration = Duration::from_millis(500);
/// How soon a reader comes back.
const RETRY: Duration = Duration::from_secs(1);

/// Where a reader left off who comes back. A place that cannot be read is that of a replica that is gone.
pub(super) fn left_off(headers: &HeaderMap) -> Option<Place> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

/// Tells what changed behind a place and changes from now on; without a place, it begins with anything.
///
/// The stream ends when its reader is no longer let in, this replica drains or its store fails. Whoever may then connects
/// again, to any replica, and goes on behind the last event that bears a place.
pub(super) fn follow<Tell, Told>(
    admin: Arc<Admin>,
    reader: Staying,
    last: Option<Place>,
    mut tell: Tell,
) -> Response
where
    Tell: FnMut(Vec<Change>) -> Told + Send + 'static,
    Told: Future<Output = Result<Vec<Event>, StoreError>> + Send + 'static,
{
    let told = changes(Arc::clone(&admin), last).then(move |(changes, place)| {
        let told = tell(changes);
        async move { Ok::<_, StoreError>(bearing(place, told.await?)) }
    });
    // One future for as long as the stream lasts: it must not begin anew with every event.
    let end = Box::pin(async move { end(&admin, &reader).await });
    let events = stream::unfold(Some((end, Box::pin(told))), |going| async move {
        let (mut end, mut told) = going?;
        tokio::select! {
            biased;
            last = &mut end => Some((last, None)),
            told_now = told.next() => match told_now? {
                Ok(events) => Some((events, Some((end, told)))),
                Err(error) => Some((vec![event("trouble", &error.to_string())], None)),
            },
        }
    });
    let hello = stream::iter([Event::default().retry(RETRY).comment("hello")]);
    let events = hello.chain(events.flat_map(stream::iter)).map(Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response()
}

/// An event with this name and data.
pub(super) fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).json_data(data).expect("texts and times can be written as JSON")
}

/// What changed behind a place, and behind that, each with the place behind it.
fn changes(admin: Arc<Admin>, last: Option<Place>) -> impl Stream<Item = (Vec<Change>, Place)> {
    let (missed, place) = match last {
        Some(last) => admin.approvals.since(&last),
        None => (vec![Change::Anything], admin.approvals.place()),
    };
    let next = move |place| {
        let admin = Arc::clone(&admin);
        async move {
            sleep(PACE).await;
            let (changes, place) = admin.approvals.changed(&place).await;
            Some(((changes, place), place))
        }
    };
    stream::once(ready((missed, place))).chain(stream::unfold(place, next))
}

/// The last one bears the place: who loses the connection before it has the others told again.
fn bearing(place: Place, mut events: Vec<Event>) -> Vec<Event> {
    let last = events.pop().map(|event| event.id(place.to_string()));
    events.extend(last);
    events
}

/// Waits until a stream has to end, and returns what is to be told of that. No change would tell of it.
async fn end(admin: &Admin, reader: &Staying) -> Vec<Event> {
    tokio::select! {
        () = admin.draining.cancelled() => Vec::new(),
        () = reader.left(admin) => Vec::new(),
        why = store_is_away(admin) => vec![event("trouble", &why)],
    }
}

async fn store_is_away(admin: &Admin) -> String {
    loop {
        sleep(LOOK_AFTER_STORE).await;
        if let Health::Down(why) = admin.approvals.health() {
            return StoreError::Unavailable(why).to_string();
        }
    }
}
