//! The API's live stream, and the same for those who ask again and again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::Admin;
use super::error::Problem;
use super::identity::Asking;
use super::live::event;
use super::openapi::WaitText;
use super::wire::ApprovalJson;
use crate::approvals::{Change, Place};
use crate::domain::decision::Reviewer;
use crate::store::StoreError;

/// How often a stream without news shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How soon a client comes back.
const RETRY: Duration = Duration::from_secs(1);
/// How long a client may wait for an answer.
const LONGEST_WAIT: u64 = 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    wait: Option<String>,
    after: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct News {
    /// Where to go on.
    place: String,
    /// Whether changes may have been missed: list again.
    anything: bool,
    approvals: Vec<ApprovalJson>,
}

/// `GET /v1/approvals:watch`: an `approval` for each change, and `anything` where whoever watches has to list again.
#[utoipa::path(get, path = "/v1/approvals:watch", params(
    ("wait" = Option<WaitText>, Query, description = "wait so long for an answer; without it, it is a stream"),
    ("after" = Option<String>, Query, description = "`place` of the answer before"),
    ("Last-Event-ID" = String, Header),
), responses((status = 200, content((News = "application/json"), (String = "text/event-stream")))))]
pub(super) async fn watch(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    headers: HeaderMap,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(parameters) = parameters.map_err(|error| Problem::invalid_request(error.body_text()))?;
    match (parameters.wait, parameters.after) {
        (Some(wait), after) => {
            let after = after.map(|after| place(&after)).transpose()?;
            let news = news(&admin, &reviewer, seconds(&wait)?, after).await?;
            Ok(Json(news).into_response())
        }
        (None, Some(_)) => Err(Problem::invalid_request("after goes with wait")),
        (None, None) => {
            // A place that nobody knows is that of a replica that is gone: the stream begins with `anything`.
            let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
            Ok(events(admin, reviewer, last))
        }
    }
}

fn seconds(wait: &str) -> Result<Duration, Problem> {
    let seconds = wait.strip_suffix('s').and_then(|wait| wait.parse().ok());
    let seconds = seconds.filter(|seconds| (1..=LONGEST_WAIT).contains(seconds)).map(Duration::from_secs);
    seconds.ok_or_else(|| Problem::invalid_request(format!("wait: 1s to {LONGEST_WAIT}s, not {wait:?}")))
}

fn place(text: &str) -> Result<Place, Problem> {
    text.parse().map_err(|_| Problem::invalid_request("after: the place of the answer before"))
}

/// What changed behind a place, as soon as anything has.
async fn news(
    admin: &Admin,
    reviewer: &Reviewer,
    wait: Duration,
    after: Option<Place>,
) -> Result<News, Problem> {
    let mut rings = admin.approvals.changes();
    let after = after.unwrap_or_else(|| admin.approvals.place());
    let (mut changes, mut place) = admin.approvals.since(&after);
    if changes.is_empty() {
        // A ring is a hint: what happened is looked up in any case.
        tokio::select! {
            _ = timeout(wait, rings.recv()) => {}
            () = admin.draining.cancelled() => {}
        }
        (changes, place) = admin.approvals.since(&after);
    }
    let mut news = News { place: place.to_string(), anything: false, approvals: Vec::new() };
    for change in changes {
        match change {
            Change::Anything => news.anything = true,
            Change::Record(id) => {
                let approval = admin.approvals.look(&id).await?;
                news.approvals.extend(approval.map(|approval| ApprovalJson::of(&approval, reviewer)));
            }
        }
    }
    Ok(news)
}

/// The stream from this place on, or from now on with the advice to list.
fn events(admin: Arc<Admin>, reviewer: Reviewer, last: Option<Place>) -> Response {
    let rings = admin.approvals.changes();
    let (changes, place) = match last {
        Some(last) => admin.approvals.since(&last),
        None => (vec![Change::Anything], admin.approvals.place()),
    };
    let told = stream::unfold(Some((rings, changes, place)), move |state| {
        let (admin, reviewer) = (Arc::clone(&admin), reviewer.clone());
        async move {
            let (mut rings, mut changes, mut place) = state?;
            while changes.is_empty() {
                tokio::select! {
                    () = admin.draining.cancelled() => return None,
                    _ = rings.recv() => (changes, place) = admin.approvals.since(&place),
                }
            }
            match tell(&admin, &reviewer, changes, &place).await {
                Ok(events) => Some((events, Some((rings, Vec::new(), place)))),
                Err(error) => Some((vec![event("trouble", &error.to_string())], None)),
            }
        }
    });
    let hello = stream::iter([Event::default().retry(RETRY).comment("hello")]);
    let events = hello.chain(told.flat_map(stream::iter)).map(Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response()
}

/// An event for each change. The last one bears the place: who loses the connection before it has the others told again.
async fn tell(
    admin: &Admin,
    reviewer: &Reviewer,
    changes: Vec<Change>,
    place: &Place,
) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::new();
    for change in changes {
        match change {
            Change::Anything => events.push(Event::default().event("anything").data("{}")),
            Change::Record(id) => {
                let approval = admin.approvals.look(&id).await?;
                let approval = approval.map(|approval| ApprovalJson::of(&approval, reviewer));
                events.extend(approval.map(|approval| event("approval", &approval)));
            }
        }
    }
    let last = events.pop().map(|event| event.id(place.to_string()));
    events.extend(last);
    Ok(events)
}
