//! Who is asking.
//!
//! The answer comes from a token or from the session that a token opened: never from a body, and never from a header
//! that names a person.

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::Admin;
use super::error::Problem;
use crate::domain::decision::{Membership, Reviewer, Role};
use crate::domain::ids::Subject;

/// The cookie that holds a browser's session.
pub(super) const SESSION_COOKIE: &str = "holdpoint_session";

/// How reviewers prove who they are.
#[derive(Debug, Clone)]
pub enum Authentication {
    /// Each by a token.
    Tokens(Vec<TokenReviewer>),
    /// They do not: everyone who can connect decides, as `anonymous`.
    Off,
}

/// A reviewer known by a token.
#[derive(Debug, Clone)]
pub struct TokenReviewer {
    /// Who it is.
    pub subject: Subject,
    /// For which groups they decide.
    pub groups: Membership,
    /// The token's digest: the token itself is kept nowhere.
    pub token: TokenDigest,
}

/// The SHA-256 of a token.
#[derive(Clone, Copy)]
pub struct TokenDigest(pub [u8; 32]);

impl TokenDigest {
    /// The digest of this token.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

impl Authentication {
    /// The reviewer who sent these headers. A token that is there has to be right, whatever the session says.
    pub(super) fn reviewer(&self, headers: &HeaderMap) -> Option<Reviewer> {
        if self.is_off() {
            return Some(anonymous());
        }
        let known = match headers.get(header::AUTHORIZATION) {
            Some(authorization) => {
                let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
                if !scheme.eq_ignore_ascii_case("bearer") {
                    return None;
                }
                self.by_token(token.trim())
            }
            None => session_cookies(headers).find_map(|session| self.by_token(&token_of(session)?)),
        };
        known.map(|r| Reviewer {
            subject: r.subject.clone(),
            groups: r.groups.clone(),
            roles: Role::ALL.into_iter().collect(),
            proof: format!("token {}", r.subject),
        })
    }

    /// The reviewer with this token.
    pub(super) fn by_token(&self, token: &str) -> Option<&TokenReviewer> {
        let Self::Tokens(reviewers) = self else { return None };
        let digest = TokenDigest::of(token);
        pick(reviewers, |r| r.token.0.ct_eq(&digest.0))
    }

    /// Whether everyone is let in.
    pub(super) fn is_off(&self) -> bool {
        matches!(self, Self::Off)
    }
}

/// The one that matches. All are compared, so that time does not tell which one was close.
fn pick(reviewers: &[TokenReviewer], matches: impl Fn(&TokenReviewer) -> Choice) -> Option<&TokenReviewer> {
    reviewers
        .iter()
        .fold(None, |found, reviewer| if matches(reviewer).into() { Some(reviewer) } else { found })
}

fn anonymous() -> Reviewer {
    Reviewer {
        subject: Subject("anonymous".to_owned()),
        groups: Membership::All,
        roles: Role::ALL.into_iter().collect(),
        proof: "none".to_owned(),
    }
}

/// What the browser of somebody who showed a token keeps: the token, in characters that a cookie may have. Anything made
/// from the configured digest alone could be made by whoever reads the configuration.
pub(super) fn session(token: &str) -> String {
    hex::encode(token)
}

fn token_of(session: &str) -> Option<String> {
    String::from_utf8(hex::decode(session).ok()?).ok()
}

/// The sessions in a request's cookies. There may be several: of another path, or of another installation on this host.
pub(super) fn session_cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == SESSION_COOKIE)
        .map(|(_, value)| value)
}

/// The authenticated reviewer of an API request.
pub(super) struct Asking(pub Reviewer);

impl FromRequestParts<Arc<Admin>> for Asking {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Arc<Admin>) -> Result<Self, Problem> {
        admin.settings.authentication.reviewer(&parts.headers).map(Self).ok_or_else(Problem::unauthenticated)
    }
}
