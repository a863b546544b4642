//! `/v1/tokens`: the tokens that operators make for scripts.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Admin;
use super::api::whole;
use super::error::Problem;
use super::identity::{Asking, NewToken};
use super::openapi::RoleWord;
use super::whoami::names;
use crate::domain::audit::{Event, Note};
use crate::domain::credential::ApiToken;
use crate::domain::decision::{Membership, Reviewer, Role};
use crate::domain::ids::{Group, Subject};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A token that nobody renews for a year is one that nobody remembers.
const LONGEST: u32 = 366;

/// What an operator asks for.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewToken)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[schema(min_length = 1, max_length = 256, pattern = r"\S")]
    subject: String,
    /// None means all groups.
    groups: Option<Vec<String>>,
    #[schema(value_type = Vec<RoleWord>, min_items = 1)]
    roles: Vec<String>,
    #[serde(deserialize_with = "whole")]
    #[schema(minimum = 1, maximum = 366)]
    days: u32,
}

/// A token, as the API writes it.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(super) struct TokenJson {
    id: String,
    subject: String,
    groups: Option<Vec<String>>,
    #[schema(value_type = Vec<RoleWord>)]
    roles: Vec<&'static str>,
    created_by: String,
    created_at: Timestamp,
    expires_at: Timestamp,
    /// The token itself, where it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// All tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(super) struct TokensJson {
    tokens: Vec<TokenJson>,
}

/// `GET /v1/tokens`: all, without the tokens themselves.
#[utoipa::path(get, path = "/v1/tokens", responses((status = 200, body = TokensJson)))]
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
) -> Result<Json<TokensJson>, Problem> {
    is_operator(&admin, &reviewer)?;
    let tokens = admin.identities.store.tokens().await?;
    Ok(Json(TokensJson { tokens: tokens.iter().map(|token| json(token, None)).collect() }))
}

/// `POST /v1/tokens`: a new one, shown this once.
#[utoipa::path(post, path = "/v1/tokens", request_body = Wanted, responses((status = 201, body = TokenJson)))]
pub(super) async fn make(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<TokenJson>), Problem> {
    is_operator(&admin, &reviewer)?;
    let wanted = permitted(&admin, serde_json::from_slice(&body?)?, &reviewer)?;
    let (secret, token) = admin.identities.make_token(wanted, &reviewer).await?;
    tracing::info!(id = token.id(), subject = %token.subject, by = %reviewer.subject, "a token was made");
    admin.approvals.note(changed("made", &token, &reviewer));
    Ok((StatusCode::CREATED, Json(json(&token, Some(secret.reveal().to_owned())))))
}

/// `DELETE /v1/tokens/{id}`: it is good for nothing any more.
#[utoipa::path(delete, path = "/v1/tokens/{id}", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn revoke(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    is_operator(&admin, &reviewer)?;
    let store = &admin.identities.store;
    let none = || Problem::not_here(&format!("there is no token {id:?}"));
    let token = store.tokens().await?.into_iter().find(|token| token.id() == id).ok_or_else(none)?;
    if !store.revoke_token(&token.digest).await? {
        return Err(none());
    }
    tracing::info!(id, subject = %token.subject, by = %reviewer.subject, "a token was revoked");
    admin.approvals.note(changed("revoked", &token, &reviewer));
    Ok(StatusCode::NO_CONTENT)
}

fn changed(how: &str, token: &ApiToken, by: &Reviewer) -> Note {
    let note = Note::new(Event::TokenChanged).by(by).with("how", how);
    note.with("token", token.id()).with("subject", token.subject.to_string())
}

fn is_operator(admin: &Admin, reviewer: &Reviewer) -> Result<(), Problem> {
    let permitted = reviewer.roles.contain(Role::Operator);
    let refused = || admin.not_permitted(reviewer, "only an operator may see, make and revoke tokens");
    permitted.then_some(()).ok_or_else(refused)
}

/// The token that is asked for. Nobody gives what they do not have: else a token would be a way to more.
fn permitted(admin: &Admin, wanted: Wanted, by: &Reviewer) -> Result<NewToken, Problem> {
    if wanted.subject.trim().is_empty() || wanted.subject.len() > 256 {
        return Err(Problem::invalid_request("`subject` has to be a name of up to 256 characters"));
    }
    if !(1..=LONGEST).contains(&wanted.days) {
        return Err(Problem::invalid_request(format!("`days` has to be a number from 1 to {LONGEST}")));
    }
    let groups = wanted
        .groups
        .map_or(Membership::All, |names| Membership::Groups(names.into_iter().map(Group).collect()));
    let theirs = match (&by.groups, &groups) {
        (Membership::All, _) => true,
        (Membership::Groups(_), Membership::All) => false,
        (Membership::Groups(own), Membership::Groups(given)) => given.iter().all(|group| own.contains(group)),
    };
    let known = wanted.roles.iter().map(|word| Role::of_word(word)).collect::<Option<Vec<_>>>();
    let roles = known.filter(|roles| !roles.is_empty()).ok_or_else(|| {
        Problem::invalid_request("`roles` are reviewer, operator and auditor, at least one of them")
    })?;
    if !theirs || !roles.iter().all(|role| by.roles.contain(*role)) {
        return Err(admin.not_permitted(by, "a token cannot have groups or roles that you do not have"));
    }
    Ok(NewToken { subject: Subject(wanted.subject), groups, roles, lasts: DAY * wanted.days })
}

fn json(token: &ApiToken, secret: Option<String>) -> TokenJson {
    TokenJson {
        id: token.id(),
        subject: token.subject.0.clone(),
        groups: names(&token.groups),
        roles: token.roles.iter().map(Role::as_str).collect(),
        created_by: token.created_by.0.clone(),
        created_at: token.created_at,
        expires_at: token.expires_at,
        token: secret,
    }
}
