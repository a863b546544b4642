//! Why somebody is not let in. It is told to the operator, not to whoever tried.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
}

/// So many of them are written to the audit in a minute. Whoever is not let in must not be able to fill it; the log has
/// them all.
const WRITTEN_A_MINUTE: u32 = 60;

/// What was noted in this minute, and left out of the audit since the last that was written.
#[derive(Default)]
pub(in crate::admin) struct Refusals(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    began: Option<Instant>,
    written: u32,
    left_out: u32,
}

impl Refusals {
    /// Notes that somebody was not let in. All of them come through here.
    pub(in crate::admin) fn note(&self, approvals: &Arc<Approvals>, refused: &Refused, peer: IpAddr) {
        tracing::warn!(reason = %refused, %peer, "somebody was not let in");
        let Some(left_out) = self.count(Instant::now()) else { return };
        let failed = Note::new(Event::LoginFailed).with("why", refused.as_str());
        let failed = failed.with("peer", peer.to_string());
        approvals.note(if left_out > 0 { failed.with("left_out_before", left_out) } else { failed });
    }

    /// How many were left out before this one; none where it is left out itself.
    fn count(&self, now: Instant) -> Option<u32> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if minute.began.is_none_or(|began| now >= began + Duration::from_secs(60)) {
            (minute.began, minute.written) = (Some(now), 0);
        }
        if minute.written >= WRITTEN_A_MINUTE {
            minute.left_out += 1;
            return None;
        }
        minute.written += 1;
        Some(std::mem::take(&mut minute.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_strangers_is_counted_and_not_written() {
        let refusals = Refusals::default();
        let now = Instant::now();
        for _ in 0..WRITTEN_A_MINUTE {
            assert_eq!(refusals.count(now), Some(0));
        }
        for _ in 0..1000 {
            assert_eq!(refusals.count(now + Duration::from_secs(59)), None);
        }
        assert_eq!(refusals.count(now + Duration::from_secs(60)), Some(1000));
        assert_eq!(refusals.count(now + Duration::from_secs(60)), Some(0));
    }
}
