//! Sessions and API tokens in this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::clock::Clock;
use crate::domain::credential::{ApiToken, Session, TokenDigest};
use crate::store::{IdentityStore, StoreError};

/// Sessions and API tokens that end with this process.
pub struct MemoryIdentities {
    kept: Mutex<Kept>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Kept {
    /// Each with the time until which it lasts unused.
    sessions: BTreeMap<TokenDigest, (Session, Timestamp)>,
    tokens: BTreeMap<TokenDigest, ApiToken>,
}

impl MemoryIdentities {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { kept: Mutex::default(), clock }
    }

    /// What has not ended.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        let now = self.clock.now();
        let mut kept = self.kept.lock().expect("nothing panics while it is held");
        kept.sessions.retain(|_, (session, until)| now < session.ends_at && now < *until);
        kept.tokens.retain(|_, token| now < token.expires_at);
        kept
    }
}

#[async_trait]
impl IdentityStore for MemoryIdentities {
    async fn open_session(
        &self,
        secret: &TokenDigest,
        session: &Session,
        idle: Duration,
    ) -> Result<(), StoreError> {
        self.kept().sessions.insert(*secret, (session.clone(), self.clock.now() + idle));
        Ok(())
    }

    async fn session(&self, secret: &TokenDigest, idle: Duration) -> Result<Option<Session>, StoreError> {
        Ok(self.kept().sessions.get_mut(secret).map(|(session, until)| {
            *until = self.clock.now() + idle;
            session.clone()
        }))
    }

    async fn peek_session(&self, secret: &TokenDigest) -> Result<Option<Session>, StoreError> {
        Ok(self.kept().sessions.get(secret).map(|(session, _)| session.clone()))
    }

    async fn end_session(&self, secret: &TokenDigest) -> Result<(), StoreError> {
        self.kept().sessions.remove(secret);
        Ok(())
    }

    async fn add_token(&self, token: &ApiToken) -> Result<(), StoreError> {
        self.kept().tokens.insert(token.digest, token.clone());
        Ok(())
    }

    async fn token(&self, digest: &TokenDigest) -> Result<Option<ApiToken>, StoreError> {
        Ok(self.kept().tokens.get(digest).cloned())
    }

    async fn tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        let mut tokens: Vec<_> = self.kept().tokens.values().cloned().collect();
        tokens.sort_by_key(|token| token.created_at);
        Ok(tokens)
    }

    async fn revoke_token(&self, digest: &TokenDigest) -> Result<bool, StoreError> {
        Ok(self.kept().tokens.remove(digest).is_some())
    }
}
