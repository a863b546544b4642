//! The API's live stream.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;

use super::Admin;
use super::identity::Asking;
use super::live::{event, follow};
use super::wire::ApprovalJson;
use crate::approvals::Change;

/// `GET /v1/approvals:watch`: an `approval` for each change, and `anything` where whoever watches has to list again.
pub(super) async fn events(State(admin): State<Arc<Admin>>, Asking(reviewer): Asking) -> Response {
    follow(admin, move |admin, change| {
        let reviewer = reviewer.clone();
        async move {
            Ok(match change {
                Change::Anything => vec![Event::default().event("anything").data("{}")],
                Change::Record(id) => {
                    let approval = admin.approvals.look(&id).await?;
                    let approval = approval.map(|approval| ApprovalJson::of(&approval, &reviewer));
                    approval.map(|approval| event("approval", &approval)).into_iter().collect()
                }
            })
        }
    })
}
