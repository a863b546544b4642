//! Tokens: those that the configuration names, and those that operators make.

use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq;

use super::refused::Refused;
use crate::domain::credential::{ApiToken, TokenDigest};
use crate::domain::decision::{Membership, Reviewer, Roles};
use crate::domain::ids::Subject;

/// A reviewer known by a token that the configuration names.
#[derive(Debug, Clone)]
pub struct TokenReviewer {
    /// Who it is.
    pub subject: Subject,
    /// For which groups they decide.
    pub groups: Membership,
    /// What they may do.
    pub roles: Roles,
    /// The token's digest: the token itself is kept nowhere.
    pub token: TokenDigest,
}

/// The bearer token in these headers. Any other kind of authorization is none of ours.
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    let Some(authorization) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let (scheme, token) =
        authorization.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Refused::NoBearer)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.trim())) } else { Err(Refused::NoBearer) }
}

/// Whether it has the form of a JWT.
pub(super) fn is_jwt(token: &str) -> bool {
    token.starts_with("eyJ") && token.matches('.').count() == 2
}

/// Whoever the configuration gives this token. All are compared, so that time does not tell which one was close.
pub(super) fn configured(tokens: &[TokenReviewer], digest: &TokenDigest) -> Option<Reviewer> {
    let found = tokens.iter().fold(None, |found, reviewer| {
        if reviewer.token.0.ct_eq(&digest.0).into() { Some(reviewer) } else { found }
    });
    found.map(|reviewer| Reviewer {
        subject: reviewer.subject.clone(),
        groups: reviewer.groups.clone(),
        roles: reviewer.roles.clone(),
        proof: format!("token {}", reviewer.subject),
    })
}

/// Whoever an operator has given this token.
pub(super) fn issued(token: ApiToken) -> Reviewer {
    let proof = format!("api token {} by {}", token.id(), token.created_by);
    Reviewer { subject: token.subject, groups: token.groups, roles: token.roles, proof }
}
