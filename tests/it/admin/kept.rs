//! Sessions and API tokens, with a switch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use holdpoint::clock::ManualClock;
use holdpoint::domain::credential::{ApiToken, Session, TokenDigest};
use holdpoint::store::memory::MemoryIdentities;
use holdpoint::store::{IdentityStore, StoreError};
use jiff::Timestamp;

/// The embedded store, with a clock to set and a switch: off, it does not answer.
pub struct SwitchedIdentities {
    pub clock: Arc<ManualClock>,
    memory: MemoryIdentities,
    off: AtomicBool,
}

impl Default for SwitchedIdentities {
    fn default() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::now()));
        Self { memory: MemoryIdentities::new(clock.clone()), clock, off: AtomicBool::new(false) }
    }
}

impl SwitchedIdentities {
    pub fn switch(&self, on: bool) {
        self.off.store(!on, Ordering::SeqCst);
    }

    fn on(&self) -> Result<&MemoryIdentities, StoreError> {
        match self.off.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable("switched off".into())),
            false => Ok(&self.memory),
        }
    }
}

#[async_trait]
impl IdentityStore for SwitchedIdentities {
    async fn open_session(
        &self,
        secret: &TokenDigest,
        session: &Session,
        idle: Duration,
    ) -> Result<(), StoreError> {
        self.on()?.open_session(secret, session, idle).await
    }

    async fn session(&self, secret: &TokenDigest, idle: Duration) -> Result<Option<Session>, StoreError> {
        self.on()?.session(secret, idle).await
    }

    async fn peek_session(&self, secret: &TokenDigest) -> Result<Option<Session>, StoreError> {
        self.on()?.peek_session(secret).await
    }

    async fn end_session(&self, secret: &TokenDigest) -> Result<(), StoreError> {
        self.on()?.end_session(secret).await
    }

    async fn add_token(&self, token: &ApiToken) -> Result<(), StoreError> {
        self.on()?.add_token(token).await
    }

    async fn token(&self, digest: &TokenDigest) -> Result<Option<ApiToken>, StoreError> {
        self.on()?.token(digest).await
    }

    async fn tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        self.on()?.tokens().await
    }

    async fn revoke_token(&self, digest: &TokenDigest) -> Result<bool, StoreError> {
        self.on()?.revoke_token(digest).await
    }
}
