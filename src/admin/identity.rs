//! Who is asking.
//!
//! The answer comes from a token, from the session of somebody who signed in, or from a proxy that the operator trusts:
//! never from a body, and never from a header that a client could set.

mod asking;
mod cookie;
mod issuer;
mod jwt;
mod local_path;
mod oauth;
mod proxy;
mod refused;
mod secret;
mod sign_in;
mod token;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use jiff::Timestamp;

pub(super) use self::asking::{Asking, Staying, Visiting};
pub(super) use self::cookie::Cookie;
pub(super) use self::issuer::Issuer;
pub use self::issuer::Oidc;
use self::issuer::Unreachable;
pub(super) use self::local_path::LocalPath;
pub use self::oauth::{OidcClient, TokenAnswer, send};
pub(super) use self::refused::Refused;
pub(super) use self::secret::Secret;
pub(super) use self::sign_in::{Callback, SignIn};
pub use self::token::TokenReviewer;
use crate::clock::{Clock, SystemClock};
use crate::config::{ProxyConfig, RolesConfig, SessionsConfig};
use crate::domain::credential::{ApiToken, Person, Session, TokenDigest, Whose};
use crate::domain::decision::{Membership, Reviewer, Role};
use crate::domain::ids::Subject;
use crate::store::{IdentityStore, StoreError};

/// So many sessions are looked up for one request: there may be one of another installation on this host, too.
const MOST_SESSIONS: usize = 4;

/// How reviewers prove who they are.
#[derive(Debug, Clone)]
pub enum Authentication {
    /// In one of these ways.
    Required(Box<Proofs>),
    /// They do not: everyone who can connect decides, as `anonymous`.
    Off,
}

impl Authentication {
    /// The ways in which somebody can prove who they are; none where nobody has to.
    fn proofs(&self) -> Option<&Proofs> {
        match self {
            Self::Required(proofs) => Some(proofs),
            Self::Off => None,
        }
    }
}

/// The ways in which somebody can prove who they are, beside API tokens.
#[derive(Debug, Clone, Default)]
pub struct Proofs {
    /// Tokens that the configuration names.
    pub tokens: Vec<TokenReviewer>,
    /// An OpenID Connect provider.
    pub oidc: Option<Oidc>,
    /// A proxy that authenticates people.
    pub proxy: Option<ProxyConfig>,
    /// What the groups of people may do.
    pub roles: RolesConfig,
    /// How long a browser stays signed in.
    pub sessions: SessionsConfig,
}

/// Tells who is asking.
pub(super) struct Identities {
    authentication: Authentication,
    pub(super) store: Arc<dyn IdentityStore>,
    pub(super) issuer: Option<Issuer>,
    pub(super) cookie: Cookie,
}

/// Whether a session is being used.
#[derive(Clone, Copy)]
enum Use {
    Yes,
    No,
}

/// Why it is not known who asks.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotKnown {
    /// They show nothing.
    #[error("nothing was shown")]
    Nobody,
    /// What they show is not good.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It cannot be told now.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be told now.
    #[error(transparent)]
    Issuer(#[from] Unreachable),
}

impl Identities {
    pub(super) fn new(authentication: Authentication, store: Arc<dyn IdentityStore>, secure: bool) -> Self {
        let oidc = authentication.proofs().and_then(|proofs| proofs.oidc.clone());
        let issuer = oidc.map(Issuer::new);
        Self { authentication, store, issuer, cookie: Cookie { secure } }
    }

    /// Asks the issuer who it is. One that does not answer is asked again when somebody wants to sign in.
    pub(super) async fn meet_issuer(&self) {
        if let Some(issuer) = &self.issuer
            && issuer.provider().await.is_ok()
        {
            tracing::info!(issuer = issuer.oidc.config.issuer.value, "people can sign in");
        }
    }

    /// Whether everyone is let in.
    pub(super) fn are_off(&self) -> bool {
        self.authentication.proofs().is_none()
    }

    /// Whether a proxy may have added what authenticates a request, so that a browser's request has it by itself.
    pub(super) fn have_proxy(&self) -> bool {
        self.authentication.proofs().is_some_and(|proofs| proofs.proxy.is_some())
    }

    /// Who sent these headers from there. A token that is there has to be right, whatever else is.
    pub(super) async fn reviewer(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Reviewer, NotKnown> {
        self.asking(headers, peer, Use::Yes).await
    }

    /// The same some time after they were sent. A session lasts no longer for it.
    pub(super) async fn still(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Reviewer, NotKnown> {
        self.asking(headers, peer, Use::No).await
    }

    async fn asking(&self, headers: &HeaderMap, peer: IpAddr, using: Use) -> Result<Reviewer, NotKnown> {
        let Some(proofs) = self.authentication.proofs() else { return Ok(anonymous()) };
        if let Some(token) = token::bearer(headers)? {
            return self.by_bearer(proofs, token).await;
        }
        if let Some(person) = proxy::person(proofs.proxy.as_ref(), headers, peer)? {
            return Ok(reviewer(proofs, person));
        }
        for session in self.cookie.sessions(headers).take(MOST_SESSIONS) {
            let digest = TokenDigest::of(session);
            let session = match using {
                Use::Yes => self.store.session(&digest, proofs.sessions.idle.get()).await?,
                Use::No => self.store.peek_session(&digest).await?,
            };
            if let Some(session) = session {
                return self.whose(session.whose).await;
            }
        }
        Err(NotKnown::Nobody)
    }

    async fn by_bearer(&self, proofs: &Proofs, token: &str) -> Result<Reviewer, NotKnown> {
        if let (Some(issuer), true) = (&self.issuer, token::is_jwt(token)) {
            return Ok(reviewer(proofs, issuer.bearer(token).await?));
        }
        self.by_token(&TokenDigest::of(token)).await
    }

    /// Whoever has the token with this digest.
    async fn by_token(&self, digest: &TokenDigest) -> Result<Reviewer, NotKnown> {
        let Some(proofs) = self.authentication.proofs() else { return Ok(anonymous()) };
        if let Some(reviewer) = token::configured(&proofs.tokens, digest) {
            return Ok(reviewer);
        }
        let issued = self.store.token(digest).await?;
        Ok(issued.map(token::issued).ok_or(Refused::UnknownToken)?)
    }

    /// Whose session it is, or is to be.
    async fn whose(&self, whose: Whose) -> Result<Reviewer, NotKnown> {
        let Some(proofs) = self.authentication.proofs() else { return Ok(anonymous()) };
        match whose {
            Whose::Token(digest) => self.by_token(&digest).await,
            Whose::Person(person) => Ok(reviewer(proofs, person)),
        }
    }

    /// Opens a session for whoever has this token, and tells who that is.
    pub(super) async fn open_by_token(&self, token: &str) -> Result<(Reviewer, Secret), NotKnown> {
        self.open_for(Whose::Token(TokenDigest::of(token))).await
    }

    /// Opens a session for a person who has signed in, and tells who that is.
    pub(super) async fn open_by_issuer(&self, person: Person) -> Result<(Reviewer, Secret), NotKnown> {
        self.open_for(Whose::Person(person)).await
    }

    async fn open_for(&self, whose: Whose) -> Result<(Reviewer, Secret), NotKnown> {
        let reviewer = self.whose(whose.clone()).await?;
        Ok((reviewer, self.open(whose).await?))
    }

    /// Always a new secret: one that was in the browser before may be known to somebody else.
    async fn open(&self, whose: Whose) -> Result<Secret, StoreError> {
        let sessions = self.authentication.proofs().map(|proofs| proofs.sessions.clone()).unwrap_or_default();
        let secret = Secret::random();
        let session = Session { whose, ends_at: SystemClock.now() + sessions.absolute.get() };
        self.store.open_session(&secret.digest(), &session, sessions.idle.get()).await?;
        Ok(secret)
    }

    /// Ends the sessions that these headers hold, on all replicas, and tells whose they were.
    pub(super) async fn end(&self, headers: &HeaderMap) -> Result<Vec<Reviewer>, StoreError> {
        let Some(proofs) = self.authentication.proofs() else { return Ok(Vec::new()) };
        let mut left = Vec::new();
        for session in self.cookie.sessions(headers).take(MOST_SESSIONS) {
            let digest = TokenDigest::of(session);
            if let Some(session) = self.store.session(&digest, proofs.sessions.idle.get()).await? {
                // One whose token was revoked is nobody's any more, and ends all the same.
                left.extend(self.whose(session.whose).await);
            }
            self.store.end_session(&digest).await?;
        }
        Ok(left)
    }

    /// Makes a token, which is shown this once.
    pub(super) async fn make_token(
        &self,
        wanted: NewToken,
        by: &Reviewer,
    ) -> Result<(Secret, ApiToken), StoreError> {
        let secret = Secret::with_prefix(ApiToken::PREFIX);
        let now: Timestamp = SystemClock.now();
        let token = ApiToken {
            digest: secret.digest(),
            subject: wanted.subject,
            groups: wanted.groups,
            roles: wanted.roles.into_iter().collect(),
            created_by: by.subject.clone(),
            created_at: now,
            expires_at: now + wanted.lasts,
        };
        self.store.add_token(&token).await?;
        Ok((secret, token))
    }
}

/// A token that an operator asks for.
pub(super) struct NewToken {
    pub(super) subject: Subject,
    pub(super) groups: Membership,
    pub(super) roles: Vec<Role>,
    pub(super) lasts: Duration,
}

fn reviewer(proofs: &Proofs, person: Person) -> Reviewer {
    let Person { subject, groups, proof } = person;
    Reviewer { roles: proofs.roles.of(&groups), subject, groups, proof }
}

fn anonymous() -> Reviewer {
    Reviewer {
        subject: Subject("anonymous".to_owned()),
        groups: Membership::All,
        roles: Role::ALL.into_iter().collect(),
        proof: "none".to_owned(),
    }
}
