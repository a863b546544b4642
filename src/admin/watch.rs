//! The API's live stream, and the same for those who ask again and again.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use utoipa::ToSchema;

use super::Admin;
use super::error::Problem;
use super::follow::{event, follow, left_off};
use super::identity::{NotKnown, Staying};
use super::openapi::WaitText;
use super::wire::ApprovalJson;
use crate::approvals::{Change, Place};
use crate::domain::decision::Reviewer;
use crate::store::StoreError;

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
    reader: Staying,
    headers: HeaderMap,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(parameters) = parameters.map_err(|error| Problem::invalid_request(error.body_text()))?;
    match (parameters.wait, parameters.after) {
        (Some(wait), after) => {
            let after = after.map(|after| place(&after)).transpose()?;
            let (changes, place) = wait_for(&admin, &reader, seconds(&wait)?, after).await?;
            Ok(Json(news(&admin, &reader.reviewer, changes, place).await?).into_response())
        }
        (None, Some(_)) => Err(Problem::invalid_request("after goes with wait")),
        (None, None) => {
            let (told_of, reviewer) = (Arc::clone(&admin), reader.reviewer.clone());
            Ok(follow(admin, reader, left_off(&headers), move |changes| {
                let (admin, reviewer) = (Arc::clone(&told_of), reviewer.clone());
                async move { tell(&admin, &reviewer, changes).await }
            }))
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

/// What changed behind a place, as soon as anything has or the time is up.
async fn wait_for(
    admin: &Admin,
    reader: &Staying,
    wait: Duration,
    after: Option<Place>,
) -> Result<(Vec<Change>, Place), Problem> {
    let after = after.unwrap_or_else(|| admin.approvals.place());
    tokio::select! {
        changed = admin.approvals.changed(&after) => Ok(changed),
        () = reader.left(admin) => Err(NotKnown::Nobody.into()),
        () = sleep(wait) => Ok((Vec::new(), after)),
        () = admin.draining.cancelled() => Ok((Vec::new(), after)),
    }
}

async fn news(
    admin: &Admin,
    reviewer: &Reviewer,
    changes: Vec<Change>,
    place: Place,
) -> Result<News, Problem> {
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

/// An event for each change.
async fn tell(admin: &Admin, reviewer: &Reviewer, changes: Vec<Change>) -> Result<Vec<Event>, StoreError> {
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
    Ok(events)
}
