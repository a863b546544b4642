//! The API: list, show, decide.

pub(super) mod acts;
pub(super) mod batch;
pub(super) mod precedents;
pub(super) mod query;

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query as Parameters, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::Admin;
use super::error::Problem;
use super::identity::Asking;
use super::openapi::{
    FingerprintText, IdText, IncarnationText, KeyText, OrderWord, QueueText, ReasonCodeWord, StateFilter,
};
use super::shown;
use super::wire::ApprovalJson;
use crate::approvals::{Approvals, Decided};
use crate::domain::approval::{Approval, StateKind};
use crate::domain::decision::{Decision, ReasonCode, Verdict};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ApprovalId, DecisionId, Incarnation, InvalidId};
use crate::store::{Filter, Order, Query, StoreError};

/// So many records are listed at a time, at most.
const MAX_PAGE: usize = 500;

#[derive(Serialize, ToSchema)]
pub(super) struct Listed {
    approvals: Vec<ApprovalJson>,
    next_page_token: Option<String>,
}

/// `GET /v1/approvals`: a page of a list.
#[utoipa::path(get, path = "/v1/approvals", responses((status = 200, body = Listed)), params(
    ("state" = Option<Vec<StateFilter>>, Query, description = "`pending` where none is named"),
    ("queue" = Option<QueueText>, Query),
    ("tool" = Option<String>, Query),
    ("route" = Option<String>, Query),
    ("caller" = Option<String>, Query),
    ("fingerprint" = Option<FingerprintText>, Query),
    ("group" = Option<String>, Query, description = "only those that this group may decide"),
    ("q" = Option<String>, Query, description = "only those with this text in their id, names, title or message"),
    ("created_after" = Option<Timestamp>, Query),
    ("order" = Option<OrderWord>, Query),
    ("page_size" = Option<u16>, Query, minimum = 1, maximum = 500),
    ("page_token" = Option<String>, Query, description = "`next_page_token` of the page before"),
))]
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    parameters: Result<Parameters<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<Listed>, Problem> {
    let Parameters(parameters) =
        parameters.map_err(|rejection| Problem::invalid_request(rejection.body_text()))?;
    let query = query::read(&parameters).map_err(Problem::invalid_request)?;
    let page = admin.approvals.list(&query).await?;
    Ok(Json(Listed {
        approvals: page.approvals.iter().map(|approval| ApprovalJson::of(approval, &reviewer)).collect(),
        next_page_token: page.next.as_ref().map(query::token),
    }))
}

/// `GET /v1/approvals/{id}`: one approval.
//
// Its tag is that of all that is shown, which differs from one reviewer to the next.
#[utoipa::path(get, path = "/v1/approvals/{id}", params(("id" = IdText, Path), ("If-None-Match" = String, Header)),
    responses((status = 200, body = ApprovalJson, headers(("ETag"))), (status = 304)))]
pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    Named(id): Named,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let approval = look(&admin.approvals, &id).await?;
    let body = serde_json::to_vec(&ApprovalJson::of(&approval, &reviewer))?;
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&body)[..16]));
    let tagged = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, "no-cache".to_owned())];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)) {
        return Ok((StatusCode::NOT_MODIFIED, tagged).into_response());
    }
    admin.approvals.note(shown::note(&approval, &reviewer));
    Ok((tagged, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

#[derive(Deserialize, ToSchema)]
#[schema(as = Decision)]
#[serde(deny_unknown_fields)]
struct Decide {
    verdict: VerdictWord,
    reason: Option<String>,
    #[schema(value_type = Option<ReasonCodeWord>)]
    reason_code: Option<String>,
    #[schema(value_type = FingerprintText)]
    fingerprint: String,
    #[schema(value_type = Option<IncarnationText>)]
    incarnation: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum VerdictWord {
    Approve,
    Reject,
}

impl From<VerdictWord> for Verdict {
    fn from(word: VerdictWord) -> Self {
        match word {
            VerdictWord::Approve => Self::Approve,
            VerdictWord::Reject => Self::Reject,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Decided)]
pub(super) struct DecidedJson {
    #[serde(flatten)]
    approval: ApprovalJson,
    /// Whether the replicas that are wanted have it; null where none are.
    replicated: Option<bool>,
}

/// `POST /v1/approvals/{id}/decisions`: the approval as it stands with it.
#[utoipa::path(post, path = "/v1/approvals/{id}/decisions", request_body = Decide,
    params(("id" = IdText, Path), ("Idempotency-Key" = KeyText, Header)),
    responses((status = 200, body = DecidedJson)))]
pub(super) async fn decide(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    Named(id): Named,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<DecidedJson>, Problem> {
    let body: Decide = serde_json::from_slice(&body?)?;
    let decision = Decision {
        id: idempotency_key(&headers)?,
        reviewer: reviewer.clone(),
        verdict: body.verdict.into(),
        reason: said(body.reason),
        reason_code: read_reason_code(body.reason_code.as_deref())?,
        ticket: None,
        fingerprint: Some(read_fingerprint(&body.fingerprint)?),
        seen_in: read_incarnation(body.incarnation.as_deref())?,
    };
    let decided = admin.approvals.decide(&id, decision).await;
    let Decided { standing, replicated } = decided.map_err(|error| Problem::undecided(error, &reviewer))?;
    Ok(Json(DecidedJson { approval: ApprovalJson::of(&standing, &reviewer), replicated }))
}

/// Which decision this is: a new one, unless the client says so.
fn idempotency_key(headers: &HeaderMap) -> Result<DecisionId, Problem> {
    match headers.get("idempotency-key") {
        None => Ok(DecisionId::random()),
        Some(key) => key
            .to_str()
            .ok()
            .and_then(|key| key.parse().ok())
            .ok_or_else(|| Problem::invalid_request("Idempotency-Key has to be a UUID")),
    }
}

fn read_reason_code(word: Option<&str>) -> Result<Option<ReasonCode>, Problem> {
    let Some(word) = word else { return Ok(None) };
    ReasonCode::from_word(word).map(Some).ok_or_else(|| {
        let words = ReasonCode::ALL.map(ReasonCode::as_str).join(", ");
        Problem::invalid_request(format!("reason_code is one of {words}, not {word:?}"))
    })
}

fn read_incarnation(digits: Option<&str>) -> Result<Option<Incarnation>, Problem> {
    let read = digits.map(str::parse).transpose();
    read.map_err(|error: InvalidId| Problem::invalid_request(error.to_string()))
}

fn read_fingerprint(digits: &str) -> Result<Fingerprint, Problem> {
    digits.parse().map_err(|error: InvalidId| Problem::invalid_request(error.to_string()))
}

/// A whole number, as JSON has it: `60.0` is one too.
pub(super) fn whole<'de, D: Deserializer<'de>>(number: D) -> Result<u32, D::Error> {
    let number = f64::deserialize(number)?;
    let whole = number.fract() == 0.0 && (0.0..=u32::MAX.into()).contains(&number);
    whole.then_some(number as u32).ok_or_else(|| D::Error::custom(format!("{number} is no whole number")))
}

/// A reason, where there are words in it.
pub(super) fn said(reason: Option<String>) -> Option<String> {
    reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty())
}

/// The approval that an address names. What is no id is the id of nothing.
pub(super) struct Named(pub ApprovalId);

impl FromRequestParts<Arc<Admin>> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, admin).await;
        let Path(id) = path.map_err(|rejection| Problem::invalid_request(rejection.body_text()))?;
        id.parse().map(Self).map_err(|_| Problem::not_found(&id))
    }
}

/// The record of this id.
pub(super) async fn look(approvals: &Approvals, id: &ApprovalId) -> Result<Approval, Problem> {
    approvals.look(id).await?.ok_or_else(|| Problem::not_found(&id.to_string()))
}

/// All that is open, oldest first.
pub(super) async fn pending(approvals: &Approvals) -> Result<Vec<Approval>, StoreError> {
    let mut query = Query {
        states: vec![StateKind::Pending],
        filter: Filter::default(),
        order: Order::OldestFirst,
        after: None,
        limit: MAX_PAGE,
    };
    let mut all = Vec::new();
    loop {
        let page = approvals.list(&query).await?;
        all.extend(page.approvals);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(all),
        }
    }
}
