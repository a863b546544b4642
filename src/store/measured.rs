//! A store whose answers are timed and whose failures are counted, whichever store it is.

use std::sync::Arc;
use std::time::Instant;

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
use crate::telemetry::metrics;

/// The store inside, measured.
pub struct Measured<S>(pub Arc<S>);

/// Whether an error is a failure of the store, and not its answer.
trait Failure {
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

async fn timed<T, E: Failure>(
    transition: &'static str,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let asked = Instant::now();
    let answer = answer.await;
    let is_ok = answer.as_ref().err().is_none_or(|error| !error.is_failure());
    metrics().stored(transition, is_ok, asked.elapsed());
    answer
}

#[async_trait]
impl<S: ApprovalStore> ApprovalStore for Measured<S> {
    async fn park(&self, parking: &Parking) -> Result<Approval, StoreError> {
        timed("park", self.0.park(parking)).await
    }

    async fn look(&self, id: &ApprovalId) -> Result<Option<Approval>, StoreError> {
        timed("look", self.0.look(id)).await
    }

    async fn vote(&self, id: &ApprovalId, vote: &Vote) -> Result<Approval, VoteError> {
        timed("vote", self.0.vote(id, vote)).await
    }

    async fn act(&self, id: &ApprovalId, act: &Act) -> Result<Approval, ActError> {
        timed("act", self.0.act(id, act)).await
    }

    async fn replicated(&self, standing: &Approval) -> Option<bool> {
        self.0.replicated(standing).await
    }

    async fn claim(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Approval>, StoreError> {
        timed("claim", self.0.claim(id, attempt, fingerprint)).await
    }

    async fn detach(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        departure: Departure,
    ) -> Result<Option<Approval>, StoreError> {
        timed("detach", self.0.detach(id, attempt, departure)).await
    }

    async fn withdraw(&self, session: SessionKey, request: Option<RequestKey>) -> Result<(), StoreError> {
        timed("withdraw", self.0.withdraw(session, request)).await
    }

    async fn count_open(&self) -> Result<Vec<OpenIn>, StoreError> {
        timed("count", self.0.count_open()).await
    }

    async fn sweep(&self) -> Result<Vec<ApprovalId>, StoreError> {
        timed("sweep", self.0.sweep()).await
    }

    async fn renew_lease(&self) -> Result<(), StoreError> {
        timed("lease", self.0.renew_lease()).await
    }

    async fn note(&self, note: &Note) -> Result<(), StoreError> {
        timed("note", self.0.note(note)).await
    }

    async fn list(&self, query: &Query) -> Result<Page, StoreError> {
        timed("list", self.0.list(query)).await
    }

    async fn precedents(&self, id: &ApprovalId) -> Result<Precedents, StoreError> {
        timed("precedents", self.0.precedents(id)).await
    }

    async fn listen(&self, id: &ApprovalId) -> Result<(), StoreError> {
        timed("listen", self.0.listen(id)).await
    }

    fn forget(&self, id: &ApprovalId) {
        self.0.forget(id);
    }

    fn health(&self) -> Health {
        self.0.health()
    }
}
