//! `GET /v1/whoami`: who is asking, and what they may do.

use axum::Json;
use serde::Serialize;

use super::identity::Asking;
use crate::domain::decision::{Membership, Reviewer, Role};

/// Somebody, as the API writes them.
#[derive(Serialize)]
pub(super) struct ReviewerJson {
    subject: String,
    /// Null means all groups.
    groups: Option<Vec<String>>,
    roles: Vec<&'static str>,
    proof: String,
}

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
