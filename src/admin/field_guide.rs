//! The two endpoints of the field guide, to the letter.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Admin;
use super::api::{Named, pending as all_pending, said};
use super::error::Problem;
use super::identity::Asking;
use super::wire::{Headers, headers, raw};
use crate::domain::approval::Approval;
use crate::domain::decision::{Decision, Verdict};
use crate::domain::ids::DecisionId;

/// What stands where somebody rejects without a reason: elsewhere it is required, here it never was.
const NO_REASON: &str = "no reason was given";

#[derive(Serialize)]
pub(super) struct Pending {
    pending: Vec<PendingCall>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PendingCall {
    id: String,
    tool_name: Option<String>,
    tool_args: Box<RawValue>,
    path: String,
    received_at: Timestamp,
    method: String,
    rpc_method: String,
    headers: Headers,
    body: String,
}

impl PendingCall {
    fn of(approval: &Approval) -> Self {
        let held = &approval.held;
        Self {
            id: approval.id.to_string(),
            tool_name: held.tool.clone(),
            tool_args: raw(&held.arguments()),
            path: held.request.target.clone(),
            received_at: approval.created_at,
            method: held.request.method.clone(),
            rpc_method: held.method.clone(),
            headers: headers(&held.request),
            body: held.body.clone(),
        }
    }
}

/// `GET /pending`
pub(super) async fn pending(State(admin): State<Arc<Admin>>, _: Asking) -> Result<Json<Pending>, Problem> {
    let pending = all_pending(&admin.approvals).await?;
    Ok(Json(Pending { pending: pending.iter().map(PendingCall::of).collect() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decide {
    approved: bool,
    reason: Option<String>,
}

/// `POST /decide/{id}`, with JSON whatever the content type says: the field guide's `curl -d` names another.
pub(super) async fn decide(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    Named(id): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, HeaderMap), Problem> {
    let Decide { approved, reason } = serde_json::from_slice(&body?)?;
    let decision = Decision {
        id: DecisionId::random(),
        reviewer: reviewer.clone(),
        verdict: if approved { Verdict::Approve } else { Verdict::Reject },
        reason: said(reason).or_else(|| (!approved).then(|| NO_REASON.to_owned())),
        reason_code: None,
        ticket: None,
        fingerprint: None,
        seen_in: None,
    };
    let decided = admin.approvals.decide(&id, decision).await;
    let decided = decided.map_err(|error| Problem::undecided(error, &reviewer))?;
    let mut headers = HeaderMap::new();
    if decided.replicated == Some(false) {
        headers.insert("x-holdpoint-replicated", HeaderValue::from_static("false"));
    }
    Ok((StatusCode::NO_CONTENT, headers))
}
