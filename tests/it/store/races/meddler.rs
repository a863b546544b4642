//! A store in which a reviewer is always quicker.

use std::sync::Arc;

use async_trait::async_trait;
use holdpoint::domain::act::Act;
use holdpoint::domain::approval::{Approval, Departure};
use holdpoint::domain::audit::Note;
use holdpoint::domain::decision::Vote;
use holdpoint::domain::fingerprint::Fingerprint;
use holdpoint::domain::ids::{ApprovalId, AttemptId, RequestKey, SessionKey};
use holdpoint::store::{
    ActError, ApprovalStore, Health, OpenIn, Page, Parking, Precedents, Query, StoreError, VoteError,
};

use super::super::stage::approve;

/// When the reviewer decides.
#[derive(Clone, Copy, PartialEq)]
pub enum Moment {
    /// The record is written, its attempt does not know yet.
    BeforeTheReplyOfPark,
    /// The attempt knows which record it has, and does not listen for it yet.
    BeforeListening,
    /// It listens, and has not looked yet.
    AfterListening,
}

/// A store that approves what is there at one moment.
pub struct Meddler {
    pub inner: Arc<dyn ApprovalStore>,
    pub moment: Moment,
}

impl Meddler {
    async fn meddle(&self, now: Moment, id: &ApprovalId) {
        // An attempt listens before it parks, too: then there is nothing to decide.
        if now == self.moment && self.inner.look(id).await.unwrap().is_some() {
            self.inner.vote(id, &approve("bob")).await.unwrap();
        }
    }
}

#[async_trait]
impl ApprovalStore for Meddler {
    async fn park(&self, parking: &Parking) -> Result<Approval, StoreError> {
        let parked = self.inner.park(parking).await?;
        self.meddle(Moment::BeforeTheReplyOfPark, &parked.id).await;
        Ok(parked)
    }

    async fn precedents(&self, id: &ApprovalId) -> Result<Precedents, StoreError> {
        self.inner.precedents(id).await
    }

    async fn listen(&self, id: &ApprovalId) -> Result<(), StoreError> {
        self.meddle(Moment::BeforeListening, id).await;
        self.inner.listen(id).await?;
        self.meddle(Moment::AfterListening, id).await;
        Ok(())
    }

    async fn look(&self, id: &ApprovalId) -> Result<Option<Approval>, StoreError> {
        self.inner.look(id).await
    }

    async fn vote(&self, id: &ApprovalId, vote: &Vote) -> Result<Approval, VoteError> {
        self.inner.vote(id, vote).await
    }

    async fn act(&self, id: &ApprovalId, act: &Act) -> Result<Approval, ActError> {
        self.inner.act(id, act).await
    }

    async fn claim(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Approval>, StoreError> {
        self.inner.claim(id, attempt, fingerprint).await
    }

    async fn detach(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        departure: Departure,
    ) -> Result<Option<Approval>, StoreError> {
        self.inner.detach(id, attempt, departure).await
    }

    async fn withdraw(&self, session: SessionKey, request: Option<RequestKey>) -> Result<(), StoreError> {
        self.inner.withdraw(session, request).await
    }

    async fn count_open(&self) -> Result<Vec<OpenIn>, StoreError> {
        self.inner.count_open().await
    }

    async fn sweep(&self) -> Result<Vec<ApprovalId>, StoreError> {
        self.inner.sweep().await
    }

    async fn renew_lease(&self) -> Result<(), StoreError> {
        self.inner.renew_lease().await
    }

    async fn note(&self, note: &Note) -> Result<(), StoreError> {
        self.inner.note(note).await
    }

    async fn list(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner.list(query).await
    }

    fn forget(&self, id: &ApprovalId) {
        self.inner.forget(id);
    }

    fn health(&self) -> Health {
        self.inner.health()
    }
}
