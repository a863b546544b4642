//! The audit, for auditors: find entries, export them, prove what became of one approval.

mod csv;
pub(super) mod export;
mod query;

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as Parameters, State};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Admin;
use super::api::{Named, look};
use super::error::Problem;
use super::identity::Asking;
use super::openapi::{ChainText, IdText, OutcomeWord};
use super::wire::ApprovalJson;
use crate::domain::audit::{Chain, Event, Line, Note};
use crate::domain::authority::may_reveal;
use crate::domain::decision::{Reviewer, Role};

/// What parameters an address has, as they came.
type Given = Result<Parameters<Vec<(String, String)>>, QueryRejection>;

#[derive(Serialize, ToSchema)]
pub(super) struct Found {
    #[schema(value_type = Vec<serde_json::Value>)]
    entries: Vec<Box<RawValue>>,
    next_page_token: Option<String>,
}

/// `GET /v1/audit`
#[utoipa::path(get, path = "/v1/audit", responses((status = 200, body = Found)), params(
    ("queue" = Option<ChainText>, Query),
    ("from" = Option<Timestamp>, Query),
    ("until" = Option<Timestamp>, Query),
    ("approval" = Option<String>, Query),
    ("caller" = Option<String>, Query),
    ("tool" = Option<String>, Query),
    ("reviewer" = Option<String>, Query),
    ("outcome" = Option<OutcomeWord>, Query),
    ("trace" = Option<String>, Query),
    ("page_size" = Option<u16>, Query, minimum = 1, maximum = 500),
    ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
))]
pub(super) async fn search(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    parameters: Given,
) -> Result<Json<Found>, Problem> {
    auditor(&admin, &reviewer)?;
    let query = query::read(&given(parameters)?).map_err(Problem::invalid_request)?;
    let found = admin.audit.search(&query).await?;
    Ok(Json(Found {
        entries: found.lines.into_iter().map(raw).collect(),
        next_page_token: found.next.as_ref().map(query::token),
    }))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Checkpoints {
    #[schema(value_type = Vec<serde_json::Value>)]
    checkpoints: Vec<Box<RawValue>>,
}

/// `GET /v1/audit/checkpoints`
#[utoipa::path(get, path = "/v1/audit/checkpoints", responses((status = 200, body = Checkpoints)),
    params(("queue" = Option<Vec<ChainText>>, Query)))]
pub(super) async fn checkpoints(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    parameters: Given,
) -> Result<Json<Checkpoints>, Problem> {
    auditor(&admin, &reviewer)?;
    let query::Scope { chains, .. } = query::scope(&given(parameters)?, &admin).await?;
    let mut checkpoints = Vec::new();
    for chain in chains {
        checkpoints.extend(admin.audit.checkpoints(&chain).await?.into_iter().map(raw));
    }
    Ok(Json(Checkpoints { checkpoints }))
}

/// All that there is to prove what became of one approval.
#[derive(Serialize, ToSchema)]
pub(super) struct Evidence {
    /// The record as it stands, with the call, who could decide and the votes.
    approval: ApprovalJson,
    /// What happened to it.
    #[schema(value_type = Vec<serde_json::Value>)]
    entries: Vec<Box<RawValue>>,
    /// The part of the chain that these are in, up to the first checkpoint behind them: `holdpoint audit verify` reads it.
    #[schema(value_type = Vec<serde_json::Value>)]
    chain: Vec<Box<RawValue>>,
}

/// `GET /v1/approvals/{id}/evidence`
#[utoipa::path(get, path = "/v1/approvals/{id}/evidence", params(("id" = IdText, Path)),
    responses((status = 200, body = Evidence)))]
pub(super) async fn evidence(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    Named(id): Named,
) -> Result<Json<Evidence>, Problem> {
    auditor(&admin, &reviewer)?;
    let approval = look(&admin.approvals, &id).await?;
    let chain =
        admin.audit.proof(&Chain::Queue(id.queue().clone()), &id.to_string(), approval.created_at).await?;
    let about = |line: &&Line| line.fact().is_some_and(|fact| fact.approval == Some(id.to_string()));
    Ok(Json(Evidence {
        approval: ApprovalJson::of(&approval, &reviewer),
        entries: chain.iter().filter(about).cloned().map(raw).collect(),
        chain: chain.into_iter().map(raw).collect(),
    }))
}

/// What is masked in one call.
#[derive(Serialize, ToSchema)]
pub(super) struct Revealed {
    values: Vec<Value>,
}

#[derive(Serialize, ToSchema)]
struct Value {
    path: String,
    #[schema(value_type = serde_json::Value)]
    value: Box<RawValue>,
}

/// `POST /v1/approvals/{id}/reveal`
#[utoipa::path(post, path = "/v1/approvals/{id}/reveal", params(("id" = IdText, Path)),
    responses((status = 200, body = Revealed)))]
pub(super) async fn reveal(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    Named(id): Named,
) -> Result<Json<Revealed>, Problem> {
    let approval = look(&admin.approvals, &id).await?;
    if !may_reveal(&reviewer, &approval) {
        let why = "this takes the role of an auditor, or a group that decides this";
        return Err(admin.not_permitted(&reviewer, why));
    }
    let masked = &approval.held.redacted.masked;
    let places: Vec<_> = masked.iter().map(|(place, _)| place.clone()).collect();
    // Written down before it is told: what is not in the audit is not revealed.
    admin.approvals.write(&Note::about(Event::Revealed, &id).by(&reviewer).with("paths", places)).await?;
    let value = |(path, value): &(String, String)| Value {
        path: path.clone(),
        value: RawValue::from_string(value.clone()).expect("what was read as JSON is written as JSON"),
    };
    Ok(Json(Revealed { values: masked.iter().map(value).collect() }))
}

fn auditor(admin: &Admin, reviewer: &Reviewer) -> Result<(), Problem> {
    let permitted = reviewer.roles.contain(Role::Auditor);
    permitted.then_some(()).ok_or_else(|| admin.not_permitted(reviewer, "this takes the role of an auditor"))
}

fn given(parameters: Given) -> Result<Vec<(String, String)>, Problem> {
    let Parameters(parameters) =
        parameters.map_err(|rejection| Problem::invalid_request(rejection.body_text()))?;
    Ok(parameters)
}

/// A line as it is: its hash is that of its bytes.
fn raw(line: Line) -> Box<RawValue> {
    RawValue::from_string(line.text).expect("a line of the audit is JSON")
}
