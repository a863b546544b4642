//! What went wrong, as RFC 9457 says it. The one place that chooses a status.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::api::acts;
use super::identity::NotKnown;
use super::openapi::{ProblemType, StateWord};
use super::standing::in_words;
use super::wire::ApprovalJson;
use crate::approvals::{DecideError, DeedError};
use crate::domain::approval::{Approval, Cancellation, State};
use crate::domain::authority::NotAllowed;
use crate::domain::decision::Reviewer;
use crate::store::StoreError;

/// What kind of problem it is: its slug, its title, its status.
type Kind = (&'static str, &'static str, StatusCode);

const NOT_FOUND: Kind = ("not-found", "There is nothing here", StatusCode::NOT_FOUND);
const ALREADY_DECIDED: Kind = ("already-decided", "It was decided before", StatusCode::CONFLICT);
const EXPIRED: Kind = ("expired", "Nobody decided in time", StatusCode::CONFLICT);
const CALLER_GONE: Kind = ("caller-gone", "The caller has left", StatusCode::CONFLICT);
const FINGERPRINT_MISMATCH: Kind =
    ("fingerprint-mismatch", "The recorded call is another than the one you saw", StatusCode::CONFLICT);
const ALREADY_VOTED: Kind = ("already-voted", "You have voted before", StatusCode::CONFLICT);
const ASKED_AGAIN: Kind = ("asked-again", "Reviewers are asked again", StatusCode::CONFLICT);
const SELF_APPROVAL: Kind = ("self-approval", "Your own call", StatusCode::FORBIDDEN);
const NOT_ELIGIBLE: Kind = ("not-eligible", "Others decide this", StatusCode::FORBIDDEN);
const REASON_REQUIRED: Kind = ("reason-required", "Say why", StatusCode::UNPROCESSABLE_ENTITY);
const KEY_USED: Kind = ("key-used", "The key stands for something else", StatusCode::UNPROCESSABLE_ENTITY);
const NOT_APPROVED: Kind = ("not-approved", "It is not approved yet", StatusCode::CONFLICT);
const TOO_LONG: Kind = ("too-long", "It would be open for too long", StatusCode::UNPROCESSABLE_ENTITY);
const FORBIDDEN_ORIGIN: Kind = ("forbidden-origin", "Not from here", StatusCode::FORBIDDEN);
const UNAUTHENTICATED: Kind = ("unauthenticated", "Who are you?", StatusCode::UNAUTHORIZED);
const NOT_PERMITTED: Kind = ("not-permitted", "That is not yours to do", StatusCode::FORBIDDEN);
const ISSUER_UNAVAILABLE: Kind =
    ("issuer-unavailable", "The issuer does not answer", StatusCode::SERVICE_UNAVAILABLE);
const INVALID_REQUEST: Kind = ("invalid-request", "The request is not right", StatusCode::BAD_REQUEST);
const WRONG_METHOD: Kind = ("invalid-request", "Not with this method", StatusCode::METHOD_NOT_ALLOWED);
const STORE_UNAVAILABLE: Kind =
    ("store-unavailable", "The store does not answer", StatusCode::SERVICE_UNAVAILABLE);

/// All of them.
const KINDS: [Kind; 20] = [
    NOT_FOUND,
    ALREADY_DECIDED,
    EXPIRED,
    CALLER_GONE,
    FINGERPRINT_MISMATCH,
    ALREADY_VOTED,
    ASKED_AGAIN,
    SELF_APPROVAL,
    NOT_ELIGIBLE,
    REASON_REQUIRED,
    KEY_USED,
    NOT_APPROVED,
    TOO_LONG,
    FORBIDDEN_ORIGIN,
    UNAUTHENTICATED,
    NOT_PERMITTED,
    ISSUER_UNAVAILABLE,
    INVALID_REQUEST,
    WRONG_METHOD,
    STORE_UNAVAILABLE,
];

/// What `type` can be.
pub(super) fn types() -> BTreeSet<String> {
    KINDS.iter().map(|(slug, ..)| address(slug)).collect()
}

fn address(slug: &str) -> String {
    format!("https://holdpoint.dev/problems/{slug}")
}

/// An answer that says what went wrong.
#[derive(Debug)]
pub(super) struct Problem {
    kind: Kind,
    detail: String,
    /// What stands, where something else does than was wanted.
    standing: Option<Box<ApprovalJson>>,
}

impl Problem {
    fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), standing: None }
    }

    pub(super) fn not_found(id: &str) -> Self {
        Self::new(NOT_FOUND, format!("there is no approval {id}"))
    }

    pub(super) fn invalid_request(detail: impl Into<String>) -> Self {
        Self::new(INVALID_REQUEST, detail)
    }

    /// There is nothing under this address, as this installation is configured.
    pub(super) fn not_here(detail: &str) -> Self {
        Self::new(NOT_FOUND, detail)
    }

    /// What somebody asks for needs another role, or more than they have.
    pub(super) fn not_permitted(detail: impl Into<String>) -> Self {
        Self::new(NOT_PERMITTED, detail)
    }

    pub(super) fn forbidden_origin(detail: &str) -> Self {
        Self::new(FORBIDDEN_ORIGIN, detail)
    }

    /// What went wrong, in words.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// The status that says it to programs.
    pub(super) fn status(&self) -> StatusCode {
        self.kind.2
    }

    /// Why this reviewer's decision was not recorded.
    pub(super) fn undecided(error: DecideError, reviewer: &Reviewer) -> Self {
        let conflict = |kind, approval: Box<Approval>, detail| Self {
            kind,
            detail,
            standing: Some(Box::new(ApprovalJson::of(&approval, reviewer))),
        };
        let text = error.to_string();
        match error {
            DecideError::NotFound(id) => Self::not_found(&id.to_string()),
            DecideError::NotAllowed(NotAllowed::OwnCall) => Self::new(SELF_APPROVAL, text),
            DecideError::NotAllowed(NotAllowed::ReasonRequired(_)) => Self::new(REASON_REQUIRED, text),
            DecideError::NotAllowed(_) => Self::new(NOT_ELIGIBLE, text),
            DecideError::NotOpen(approval) => {
                let (kind, detail) = (ended(&approval), in_words(&approval));
                conflict(kind, approval, detail)
            }
            DecideError::AlreadyVoted(approval) => conflict(ALREADY_VOTED, approval, text),
            DecideError::AskedAgain(approval) => conflict(ASKED_AGAIN, approval, text),
            DecideError::FingerprintMismatch(approval) => conflict(FINGERPRINT_MISMATCH, approval, text),
            DecideError::IdUsed => Self::new(KEY_USED, "this Idempotency-Key was used for another decision"),
            DecideError::Store(error) => error.into(),
        }
    }

    /// Why what this reviewer wants was not done.
    pub(super) fn undone(error: DeedError, reviewer: &Reviewer) -> Self {
        let text = error.to_string();
        match error {
            DeedError::NotFound(id) => Self::not_found(&id.to_string()),
            DeedError::NotAllowed(why) => Self::undecided(DecideError::NotAllowed(why), reviewer),
            DeedError::NotApproved(standing) => Self {
                kind: NOT_APPROVED,
                detail: in_words(&standing),
                standing: Some(Box::new(ApprovalJson::of(&standing, reviewer))),
            },
            DeedError::WrongState(standing) => Self::undecided(DecideError::NotOpen(standing), reviewer),
            DeedError::AskedAgain(standing) => Self::undecided(DecideError::AskedAgain(standing), reviewer),
            DeedError::TooLong => Self::new(TOO_LONG, text),
            DeedError::IdUsed => Self::undecided(DecideError::IdUsed, reviewer),
            DeedError::Store(error) => error.into(),
        }
    }

    /// What it says, without its headers.
    pub(super) fn body(self) -> Body {
        let (slug, title, status) = self.kind;
        Body {
            r#type: address(slug),
            title,
            status: status.as_u16(),
            detail: self.detail,
            outcome: self.standing.as_ref().map(|approval| approval.state()),
            approval: self.standing,
        }
    }
}

/// What a problem says.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Body {
    #[schema(value_type = ProblemType)]
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<StateWord>)]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<Box<ApprovalJson>>,
}

/// The kind of problem that somebody has who wants to decide what is no longer open.
fn ended(approval: &Approval) -> Kind {
    match approval.state {
        // Past its deadline, and not swept yet.
        State::Pending | State::Expired { .. } => EXPIRED,
        State::Cancelled { why: Cancellation::CallerLeft, .. } => CALLER_GONE,
        State::Cancelled {
            why: Cancellation::GrantUnused | Cancellation::ByHand | Cancellation::Revoked,
            ..
        }
        | State::Approved { .. }
        | State::Released { .. }
        | State::Rejected { .. } => ALREADY_DECIDED,
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a reviewer could not be answered");
        Self::new(STORE_UNAVAILABLE, error.to_string())
    }
}

impl From<NotKnown> for Problem {
    fn from(not_known: NotKnown) -> Self {
        match not_known {
            // Why a proof is refused is for the log: it would help whoever makes one up.
            NotKnown::Nobody | NotKnown::Refused(_) => {
                Self::new(UNAUTHENTICATED, "send a reviewer's token: Authorization: Bearer …")
            }
            NotKnown::Store(error) => error.into(),
            NotKnown::Issuer(error) => Self::new(ISSUER_UNAVAILABLE, error.to_string()),
        }
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::invalid_request(format!("the body is not what is wanted here: {error}"))
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        Self::invalid_request(rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (_, _, status) = self.kind;
        let mut response = (status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}

/// An address that leads nowhere.
pub(super) async fn no_such_page() -> Problem {
    Problem::new(NOT_FOUND, "there is no such page")
}

/// An address that is asked with another method than it knows.
pub(super) async fn wrong_method(address: Uri) -> Response {
    let mut response =
        Problem::new(WRONG_METHOD, "this address is not asked with this method").into_response();
    if let Some(methods) = acts::allowed(address.path()) {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    response
}
