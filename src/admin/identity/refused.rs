//! Why somebody is not let in. It is told to the operator, not to whoever tried.

use std::net::IpAddr;
use std::sync::Arc;

use super::jwt::Invalid;
use crate::approvals::Approvals;
use crate::domain::audit::{Event, Note};

/// Why what somebody shows is no proof. None of these holds any of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// An `Authorization` header that has no bearer token.
    #[error("the authorization is not a bearer token")]
    NoBearer,
    /// A token that nobody has, or that has ended.
    #[error("the token is not known, has ended or was revoked")]
    UnknownToken,
    /// A JWT.
    #[error("the issuer's token is not good: {0}")]
    Jwt(#[from] Invalid),
    /// The proxy's header is not one name.
    #[error("the proxy's header {0} does not hold one text")]
    ProxyHeader(String),
    /// Who comes back from the issuer was not sent there by this browser.
    #[error("the way back from the issuer does not begin in this browser, or began too long ago")]
    NotStarted,
    /// The way back names another issuer.
    #[error("the way back is from another issuer")]
    OtherIssuer,
    /// The issuer did not let them in.
    #[error("the issuer says {0:?}")]
    ByIssuer(String),
    /// The issuer did not give a token for its code.
    #[error("the issuer did not take the code: {0}")]
    Code(String),
}

impl Refused {
    /// The word for it in the audit, which holds nothing that a stranger wrote.
    fn as_str(&self) -> &'static str {
        match self {
            Self::NoBearer => "no-bearer",
            Self::UnknownToken => "unknown-token",
            Self::Jwt(_) => "jwt",
            Self::ProxyHeader(_) => "proxy-header",
            Self::NotStarted => "not-started",
            Self::OtherIssuer => "other-issuer",
            Self::ByIssuer(_) => "by-issuer",
            Self::Code(_) => "code",
        }
    }

    /// Notes that somebody was not let in. All of them come through here.
    pub(in crate::admin) fn note(&self, approvals: &Arc<Approvals>, peer: IpAddr) {
        tracing::warn!(reason = %self, %peer, "somebody was not let in");
        let failed = Note::new(Event::LoginFailed).with("why", self.as_str());
        approvals.note_of_stranger(failed.with("peer", peer.to_string()));
    }
}
