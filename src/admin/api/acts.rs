//! `POST /v1/approvals/{id}:cancel`, `:revoke`, `:extend` and `:break-glass`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::Deserialize;

use super::{DecidedJson, idempotency_key, read_fingerprint, read_incarnation, said};
use crate::admin::Admin;
use crate::admin::error::Problem;
use crate::admin::identity::Asking;
use crate::admin::wire::ApprovalJson;
use crate::approvals::{Decided, Deed};
use crate::domain::act::Verb;
use crate::domain::decision::{Decision, Reviewer, Verdict};
use crate::domain::ids::ApprovalId;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ending {
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Extension {
    seconds: u32,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BreakGlass {
    reason: String,
    ticket: String,
    fingerprint: String,
    incarnation: Option<String>,
}

/// `POST /v1/approvals/{id}:{verb}`
pub(in crate::admin) async fn act(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    Path(named): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<DecidedJson>, Problem> {
    let (id, verb) = named.rsplit_once(':').ok_or_else(|| Problem::not_found(&named))?;
    let id: ApprovalId = id.parse().map_err(|_| Problem::not_found(id))?;
    let body = body?;
    let (verb, reason) = match verb {
        "break-glass" => return break_glass(&admin, reviewer, id, &headers, &body).await,
        "cancel" => (Verb::Cancel, serde_json::from_slice::<Ending>(&body)?.reason),
        "revoke" => (Verb::Revoke, serde_json::from_slice::<Ending>(&body)?.reason),
        "extend" => {
            let Extension { seconds, reason } = serde_json::from_slice(&body)?;
            if seconds == 0 {
                return Err(Problem::invalid_request("seconds has to be at least 1"));
            }
            let by = Duration::from_secs(seconds.into());
            (Verb::Extend { by, longest: admin.approvals.longest_open() }, reason)
        }
        other => return Err(Problem::invalid_request(format!("nothing is called :{other}"))),
    };
    let deed = Deed { id: idempotency_key(&headers)?, by: reviewer.clone(), verb, reason: said(reason) };
    let done = admin.approvals.act(&id, deed).await;
    let standing = done.map_err(|error| Problem::undone(error, &reviewer))?;
    Ok(Json(DecidedJson { approval: ApprovalJson::of(&standing, &reviewer), replicated: None }))
}

async fn break_glass(
    admin: &Admin,
    reviewer: Reviewer,
    id: ApprovalId,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Json<DecidedJson>, Problem> {
    let body: BreakGlass = serde_json::from_slice(body)?;
    let decision = Decision {
        id: idempotency_key(headers)?,
        reviewer: reviewer.clone(),
        verdict: Verdict::Approve,
        reason: said(Some(body.reason)),
        reason_code: None,
        ticket: Some(body.ticket.trim().to_owned()),
        fingerprint: Some(read_fingerprint(&body.fingerprint)?),
        seen_in: read_incarnation(body.incarnation.as_deref())?,
    };
    let decided = admin.approvals.decide(&id, decision).await;
    let Decided { standing, replicated } = decided.map_err(|error| Problem::undecided(error, &reviewer))?;
    Ok(Json(DecidedJson { approval: ApprovalJson::of(&standing, &reviewer), replicated }))
}
