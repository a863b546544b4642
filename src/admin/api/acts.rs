//! `POST /v1/approvals/{id}:cancel`, `:revoke`, `:extend` and `:break-glass`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{DecidedJson, idempotency_key, read_fingerprint, read_incarnation, said, whole};
use crate::admin::Admin;
use crate::admin::error::Problem;
use crate::admin::identity::Asking;
use crate::admin::openapi::{FingerprintText, IdText, IncarnationText, KeyText};
use crate::admin::wire::ApprovalJson;
use crate::approvals::{Decided, Deed};
use crate::domain::act::Verb;
use crate::domain::decision::{Decision, Reviewer, Verdict};
use crate::domain::ids::{ApprovalId, DecisionId};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Ending {
    #[schema(value_type = String, min_length = 1)]
    reason: Option<String>,
    #[schema(value_type = Option<IncarnationText>)]
    incarnation: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Extension {
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 4294967295_u32)]
    seconds: u32,
    reason: Option<String>,
    #[schema(value_type = Option<IncarnationText>)]
    incarnation: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BreakGlass {
    reason: String,
    ticket: String,
    #[schema(value_type = FingerprintText)]
    fingerprint: String,
    #[schema(value_type = Option<IncarnationText>)]
    incarnation: Option<String>,
}

/// What somebody asks for, before its body is read.
struct Asked<'a> {
    admin: &'a Admin,
    by: Reviewer,
    id: ApprovalId,
    key: DecisionId,
    body: &'a [u8],
}

type Answer = Result<Json<DecidedJson>, Problem>;

/// `POST /v1/approvals/{id}:{verb}`: a route can only take both as one.
pub(in crate::admin) async fn act(
    State(admin): State<Arc<Admin>>,
    Asking(by): Asking,
    Path(named): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let (id, verb) = named.rsplit_once(':').ok_or_else(|| Problem::not_found(&named))?;
    let id: ApprovalId = id.parse().map_err(|_| Problem::not_found(id))?;
    let asked = Asked { admin: &admin, by, id, key: idempotency_key(&headers)?, body: &body? };
    match verb {
        "cancel" => cancel(asked).await,
        "revoke" => revoke(asked).await,
        "extend" => extend(asked).await,
        "break-glass" => break_glass(asked).await,
        other => Err(Problem::invalid_request(format!("nothing is called :{other}"))),
    }
}

/// What an address below `/v1/approvals/` is asked with: one route takes an approval, and what is done to it.
pub(in crate::admin) fn allowed(path: &str) -> Option<&'static str> {
    let named = path.strip_prefix("/v1/approvals/").filter(|named| !named.contains('/'))?;
    Some(if named.contains(':') { "POST" } else { "GET,HEAD" })
}

/// Ends what is pending.
#[utoipa::path(post, path = "/v1/approvals/{id}:cancel", request_body = Ending,
    params(("id" = IdText, Path), ("Idempotency-Key" = KeyText, Header)),
    responses((status = 200, body = DecidedJson)))]
async fn cancel(asked: Asked<'_>) -> Answer {
    let Ending { reason, incarnation } = serde_json::from_slice(asked.body)?;
    asked.perform(Verb::Cancel, reason, incarnation).await
}

/// Takes back an approval that was not used.
#[utoipa::path(post, path = "/v1/approvals/{id}:revoke", request_body = Ending,
    params(("id" = IdText, Path), ("Idempotency-Key" = KeyText, Header)),
    responses((status = 200, body = DecidedJson)))]
async fn revoke(asked: Asked<'_>) -> Answer {
    let Ending { reason, incarnation } = serde_json::from_slice(asked.body)?;
    asked.perform(Verb::Revoke, reason, incarnation).await
}

/// Keeps what is pending open for longer.
#[utoipa::path(post, path = "/v1/approvals/{id}:extend", request_body = Extension,
    params(("id" = IdText, Path), ("Idempotency-Key" = KeyText, Header)),
    responses((status = 200, body = DecidedJson)))]
async fn extend(asked: Asked<'_>) -> Answer {
    let Extension { seconds, reason, incarnation } = serde_json::from_slice(asked.body)?;
    if seconds == 0 {
        return Err(Problem::invalid_request("seconds has to be at least 1"));
    }
    let by = Duration::from_secs(seconds.into());
    let verb = Verb::Extend { by, longest: asked.admin.approvals.longest_open() };
    asked.perform(verb, reason, incarnation).await
}

/// Approves at once, whatever the rule wants.
#[utoipa::path(post, path = "/v1/approvals/{id}:break-glass", request_body = BreakGlass,
    params(("id" = IdText, Path), ("Idempotency-Key" = KeyText, Header)),
    responses((status = 200, body = DecidedJson)))]
async fn break_glass(Asked { admin, by, id, key, body }: Asked<'_>) -> Answer {
    let body: BreakGlass = serde_json::from_slice(body)?;
    let decision = Decision {
        id: key,
        reviewer: by.clone(),
        verdict: Verdict::Approve,
        reason: said(Some(body.reason)),
        reason_code: None,
        ticket: Some(body.ticket.trim().to_owned()),
        fingerprint: Some(read_fingerprint(&body.fingerprint)?),
        seen_in: read_incarnation(body.incarnation.as_deref())?,
    };
    let decided = admin.approvals.decide(&id, decision).await;
    Ok(answer(decided.map_err(|error| Problem::undecided(error, &by))?, &by))
}

impl Asked<'_> {
    async fn perform(self, verb: Verb, reason: Option<String>, incarnation: Option<String>) -> Answer {
        let seen_in = read_incarnation(incarnation.as_deref())?;
        let deed = Deed { id: self.key, by: self.by.clone(), verb, reason: said(reason), seen_in };
        let done = self.admin.approvals.act(&self.id, deed).await;
        Ok(answer(done.map_err(|error| Problem::undone(error, &self.by))?, &self.by))
    }
}

fn answer(Decided { standing, replicated }: Decided, by: &Reviewer) -> Json<DecidedJson> {
    Json(DecidedJson { approval: ApprovalJson::of(&standing, by), replicated })
}
