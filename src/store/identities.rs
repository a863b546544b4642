//! Where sessions and API tokens live.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::domain::credential::{ApiToken, Session, TokenDigest};

/// The sessions and API tokens that all replicas know. They are found by the digest of a secret, which is kept nowhere.
#[async_trait]
pub trait IdentityStore: Send + Sync + 'static {
    /// Keeps a session until nobody has used it for `idle`, and not beyond its end.
    async fn open_session(
        &self,
        secret: &TokenDigest,
        session: &Session,
        idle: Duration,
    ) -> Result<(), StoreError>;

    /// The session of this secret, if it has not ended; it then lasts for another `idle`.
    async fn session(&self, secret: &TokenDigest, idle: Duration) -> Result<Option<Session>, StoreError>;

    /// The same, but that is no use of it: it lasts no longer for it.
    async fn peek_session(&self, secret: &TokenDigest) -> Result<Option<Session>, StoreError>;

    /// Ends a session, if it has not ended.
    async fn end_session(&self, secret: &TokenDigest) -> Result<(), StoreError>;

    /// Keeps a token until its end.
    async fn add_token(&self, token: &ApiToken) -> Result<(), StoreError>;

    /// The token with this digest, if it has not ended.
    async fn token(&self, digest: &TokenDigest) -> Result<Option<ApiToken>, StoreError>;

    /// All tokens that have not ended, oldest first.
    async fn tokens(&self) -> Result<Vec<ApiToken>, StoreError>;

    /// Forgets a token; says whether it was there.
    async fn revoke_token(&self, digest: &TokenDigest) -> Result<bool, StoreError>;
}
