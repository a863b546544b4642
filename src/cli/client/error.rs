//! Why the admin API did not do what was asked, and what to do then.

use std::time::Duration;

use serde::Deserialize;

use crate::cli::exit::Exit;

/// Why a question got no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not one. It is not repeated here, because it may hold a password or a token.
    #[error(
        "the address of the service is not one: --url is like http://host:port, and the token goes into --token"
    )]
    BadUrl,
    /// The token is not one, and not repeated either.
    #[error("the token is not one: it has to be printable ASCII without spaces")]
    BadToken,
    /// Nobody answers there.
    #[error("cannot reach {url} ({cause}): is `holdpoint serve` running? set --url or HOLDPOINT_URL")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        cause: String,
    },
    /// The service says no, and why.
    #[error("{}", problem.advice(*.status))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it says.
        problem: Box<Problem>,
        /// When it asks to be asked again.
        retry_after: Option<Duration>,
    },
    /// Something between us and the service, or something else altogether, says no.
    #[error("{url} answers with status {status} and not as Holdpoint does: check --url or HOLDPOINT_URL")]
    Status {
        /// Where.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// An answer that this version cannot read.
    #[error(
        "{url} answers in a way that this version does not understand ({cause}): check --url, and update"
    )]
    Unexpected {
        /// Where.
        url: String,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
}

/// The service's own account of a refusal (RFC 9457).
#[derive(Debug, Deserialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    detail: Option<String>,
    outcome: Option<String>,
}

impl ClientError {
    /// The exit code for it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::BadUrl | Self::BadToken => Exit::Usage,
            Self::Unreachable { .. } => Exit::Unreachable,
            Self::Refused { status, problem, .. } => problem.exit(*status),
            Self::Status { status, .. } => exit_of(*status),
            Self::Unexpected { .. } => Exit::Failure,
        }
    }

    /// Whether the same question may get an answer a little later.
    pub fn may_pass(&self) -> bool {
        self.exit() == Exit::Unreachable
    }

    /// Whether what was shown is no, or no longer a proof of who asks.
    pub fn is_unauthenticated(&self) -> bool {
        matches!(self, Self::Refused { problem, .. } if problem.slug() == "unauthenticated")
    }

    /// When the service asks to be asked again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Problem {
    fn exit(&self, status: u16) -> Exit {
        match self.slug() {
            "already-decided" => match self.outcome.as_deref() {
                Some("expired" | "cancelled") => Exit::Gone,
                _ => Exit::AlreadyDecided,
            },
            "expired" | "caller-gone" => Exit::Gone,
            "unauthenticated" | "forbidden-origin" | "not-eligible" | "self-approval" | "already-voted"
            | "not-permitted" => Exit::NotAllowed,
            "reason-required" | "key-used" | "too-long" => Exit::Usage,
            "not-found" => Exit::NotFound,
            "store-unavailable" | "issuer-unavailable" => Exit::Unreachable,
            "invalid-request" => Exit::Usage,
            _ => exit_of(status),
        }
    }

    fn advice(&self, status: u16) -> String {
        let said = self.detail.as_deref().unwrap_or(&self.title);
        match (self.slug(), self.exit(status)) {
            ("unauthenticated", _) => {
                format!("{said}: set --token or HOLDPOINT_TOKEN, or sign in with `holdpoint login`")
            }
            (_, Exit::Unreachable) => format!("{said}: try again in a moment"),
            _ => said.to_owned(),
        }
    }

    fn slug(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }
}

/// What a status alone says: a proxy in front of the service knows no problem types.
fn exit_of(status: u16) -> Exit {
    match status {
        401 | 403 => Exit::NotAllowed,
        502..=504 => Exit::Unreachable,
        _ => Exit::Failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_its_exit_code() {
        for (slug, status, outcome, exit) in [
            ("already-decided", 409, Some("rejected"), Exit::AlreadyDecided),
            ("already-decided", 409, Some("released"), Exit::AlreadyDecided),
            ("already-decided", 409, Some("expired"), Exit::Gone),
            ("already-decided", 409, Some("cancelled"), Exit::Gone),
            ("expired", 409, Some("expired"), Exit::Gone),
            ("caller-gone", 409, Some("cancelled"), Exit::Gone),
            ("unauthenticated", 401, None, Exit::NotAllowed),
            ("forbidden-origin", 403, None, Exit::NotAllowed),
            ("not-eligible", 403, None, Exit::NotAllowed),
            ("self-approval", 403, None, Exit::NotAllowed),
            ("already-voted", 409, None, Exit::NotAllowed),
            ("fingerprint-mismatch", 409, None, Exit::Failure),
            ("reason-required", 422, None, Exit::Usage),
            ("key-used", 422, None, Exit::Usage),
            ("not-found", 404, None, Exit::NotFound),
            ("store-unavailable", 503, None, Exit::Unreachable),
            ("issuer-unavailable", 503, None, Exit::Unreachable),
            ("not-permitted", 403, None, Exit::NotAllowed),
            ("invalid-request", 400, None, Exit::Usage),
            ("too-long", 422, None, Exit::Usage),
            ("not-approved", 409, Some("pending"), Exit::Failure),
            ("something-new", 503, None, Exit::Unreachable),
            ("something-new", 418, None, Exit::Failure),
        ] {
            let problem = Problem {
                kind: format!("https://holdpoint.dev/problems/{slug}"),
                title: slug.into(),
                detail: None,
                outcome: outcome.map(str::to_owned),
            };
            assert_eq!(problem.exit(status), exit, "{slug} {outcome:?}");
        }
    }
}
