//! A store around another: it answers as that one does, and does something of its own about each answer.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    ActError, ApprovalStore, Health, OpenIn, Page, Parking, Precedents, Query, StoreError, VoteError,
};
use crate::domain::act::Act;
use crate::domain::approval::{Approval, Departure};
use crate::domain::audit::Note;
use crate::domain::decision::Vote;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ApprovalId, AttemptId, RequestKey, SessionKey};

/// Whoever is around a store is one: an [`ApprovalStore`].
pub trait Around: Send + Sync + 'static {
    /// The store inside.
    fn inner(&self) -> Arc<dyn ApprovalStore>;

    /// Answers, as a rule with `answer`: what the store inside says once it is awaited.
    fn around<T: Send, E: Failure>(
        &self,
        transition: &'static str,
        answer: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send;

    /// As [`ApprovalStore::replicated`].
    fn replicated(&self, standing: &Approval) -> impl Future<Output = Option<bool>> + Send {
        async { self.inner().replicated(standing).await }
    }

    /// As [`ApprovalStore::health`].
    fn health(&self) -> Health {
        self.inner().health()
    }
}

/// What a store may answer instead of doing what it was asked.
pub trait Failure: From<StoreError> + Send {
    /// Whether the store has failed; otherwise this is its answer.
    fn is_failure(&self) -> bool;
}

impl Failure for StoreError {
    fn is_failure(&self) -> bool {
        !matches!(self, Self::Full(_))
    }
}

impl Failure for VoteError {
    fn is_failure(&self) -> bool {
        matches!(self, Self::Store(_))
    }
}

impl Failure for ActError {
    fn is_failure(&self) -> bool {
        matches!(self, Self::Store(_))
    }
}

#[async_trait]
impl<A: Around> ApprovalStore for A {
    async fn park(&self, parking: &Parking) -> Result<Approval, StoreError> {
        self.around("park", self.inner().park(parking)).await
    }

    async fn look(&self, id: &ApprovalId) -> Result<Option<Approval>, StoreError> {
        self.around("look", self.inner().look(id)).await
    }

    async fn vote(&self, id: &ApprovalId, vote: &Vote) -> Result<Approval, VoteError> {
        self.around("vote", self.inner().vote(id, vote)).await
    }

    async fn act(&self, id: &ApprovalId, act: &Act) -> Result<Approval, ActError> {
        self.around("act", self.inner().act(id, act)).await
    }

    async fn replicated(&self, standing: &Approval) -> Option<bool> {
        Around::replicated(self, standing).await
    }

    async fn claim(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Approval>, StoreError> {
        self.around("claim", self.inner().claim(id, attempt, fingerprint)).await
    }

    async fn detach(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        departure: Departure,
    ) -> Result<Option<Approval>, StoreError> {
        self.around("detach", self.inner().detach(id, attempt, departure)).await
    }

    async fn withdraw(&self, session: SessionKey, request: Option<RequestKey>) -> Result<(), StoreError> {
        self.around("withdraw", self.inner().withdraw(session, request)).await
    }

    async fn count_open(&self) -> Result<Vec<OpenIn>, StoreError> {
        self.around("count", self.inner().count_open()).await
    }

    async fn sweep(&self) -> Result<Vec<ApprovalId>, StoreError> {
        self.around("sweep", self.inner().sweep()).await
    }

    async fn renew_lease(&self) -> Result<(), StoreError> {
        self.around("lease", self.inner().renew_lease()).await
    }

    async fn note(&self, note: &Note) -> Result<(), StoreError> {
        self.around("note", self.inner().note(note)).await
    }

    async fn list(&self, query: &Query) -> Result<Page, StoreError> {
        self.around("list", self.inner().list(query)).await
    }

    async fn precedents(&self, id: &ApprovalId) -> Result<Precedents, StoreError> {
        self.around("precedents", self.inner().precedents(id)).await
    }

    async fn listen(&self, id: &ApprovalId) -> Result<(), StoreError> {
        self.around("listen", self.inner().listen(id)).await
    }

    fn forget(&self, id: &ApprovalId) {
        self.inner().forget(id);
    }

    fn health(&self) -> Health {
        Around::health(self)
    }
}
