//! `GET /v1/whoami`: who is asking, and what they may do.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::identity::Asking;
use super::openapi::RoleWord;
use crate::domain::decision::{Membership, Reviewer, Role};

/// Somebody, as the API writes them.
#[derive(Serialize, ToSchema)]
#[schema(as = Reviewer)]
pub(super) struct ReviewerJson {
    subject: String,
    /// Null means all groups.
    groups: Option<Vec<String>>,
    #[schema(value_type = Vec<RoleWord>)]
    roles: Vec<&'static str>,
    proof: String,
}

/// `GET /v1/whoami`
#[utoipa::path(get, path = "/v1/whoami", responses((status = 200, body = ReviewerJson)))]
pub(super) async fn show(Asking(reviewer): Asking) -> Json<ReviewerJson> {
    let Reviewer { subject, groups, roles, proof } = reviewer;
    Json(ReviewerJson {
        subject: subject.0,
        groups: names(&groups),
        roles: roles.iter().map(Role::as_str).collect(),
        proof,
    })
}

/// The groups' names; none means all groups.
pub(super) fn names(groups: &Membership) -> Option<Vec<String>> {
    match groups {
        Membership::All => None,
        Membership::Groups(groups) => Some(groups.iter().map(|group| group.0.clone()).collect()),
    }
}
