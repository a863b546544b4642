//! A store between whose caller and itself answers get lost.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use holdpoint::domain::act::Act;
use holdpoint::domain::approval::{Approval, Departure};
use holdpoint::domain::audit::Note;
use holdpoint::domain::decision::Vote;
use holdpoint::domain::fingerprint::Fingerprint;
use holdpoint::domain::ids::{ApprovalId, AttemptId, RequestKey, SessionKey};
use holdpoint::store::memory::MemoryStore;
use holdpoint::store::{
    ActError, ApprovalStore, Health, OpenIn, Page, Parking, Precedents, Query, StoreError, VoteError,
};

/// The embedded store, which can be made to fail.
pub struct FaultyStore {
    inner: RwLock<Arc<MemoryStore>>,
    failing: AtomicBool,
    hanging: AtomicBool,
    claims_to_lose: AtomicUsize,
    without_replicas: AtomicBool,
}

impl FaultyStore {
    pub fn around(inner: MemoryStore) -> Self {
        let inner = RwLock::new(Arc::new(inner));
        let (failing, hanging) = (AtomicBool::new(false), AtomicBool::new(false));
        let (claims_to_lose, without_replicas) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { inner, failing, hanging, claims_to_lose, without_replicas }
    }

    /// From now on nothing reaches the store, or everything does.
    pub fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }

    /// The next so many claims are made, but their answers do not arrive.
    pub fn lose_answers_of_claims(&self, n: usize) {
        self.claims_to_lose.store(n, Ordering::SeqCst);
    }

    /// From now on nothing reaches the replicas that are asked for, or everything does.
    pub fn lose_replicas(&self, lost: bool) {
        self.without_replicas.store(lost, Ordering::SeqCst);
    }

    /// From now on the store takes what it is told and never answers.
    pub fn hang(&self) {
        self.hanging.store(true, Ordering::SeqCst);
    }

    /// It comes back as this one, and all that it knew is gone.
    pub fn comes_back_as(&self, empty: MemoryStore) {
        *self.inner.write().unwrap() = Arc::new(empty);
    }

    /// The store as others reach it.
    pub fn inner(&self) -> Arc<MemoryStore> {
        self.inner.read().unwrap().clone()
    }

    async fn up(&self) -> Result<(), StoreError> {
        if self.hanging.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        match self.failing.load(Ordering::SeqCst) {
            true => Err(lost()),
            false => Ok(()),
        }
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable("as the test wants".to_owned())
}

#[async_trait]
impl ApprovalStore for FaultyStore {
    async fn park(&self, parking: &Parking) -> Result<Approval, StoreError> {
        self.up().await?;
        self.inner().park(parking).await
    }

    async fn look(&self, id: &ApprovalId) -> Result<Option<Approval>, StoreError> {
        self.up().await?;
        self.inner().look(id).await
    }

    async fn vote(&self, id: &ApprovalId, vote: &Vote) -> Result<Approval, VoteError> {
        self.up().await?;
        self.inner().vote(id, vote).await
    }

    async fn act(&self, id: &ApprovalId, act: &Act) -> Result<Approval, ActError> {
        self.up().await?;
        self.inner().act(id, act).await
    }

    async fn replicated(&self, _standing: &Approval) -> Option<bool> {
        Some(!self.without_replicas.load(Ordering::SeqCst))
    }

    async fn claim(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Approval>, StoreError> {
        self.up().await?;
        let claimed = self.inner().claim(id, attempt, fingerprint).await;
        let lose = |left: usize| left.checked_sub(1);
        match self.claims_to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose) {
            Ok(_) => Err(lost()),
            Err(_) => claimed,
        }
    }

    async fn detach(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        departure: Departure,
    ) -> Result<Option<Approval>, StoreError> {
        self.up().await?;
        self.inner().detach(id, attempt, departure).await
    }

    async fn withdraw(&self, session: SessionKey, request: Option<RequestKey>) -> Result<(), StoreError> {
        self.up().await?;
        self.inner().withdraw(session, request).await
    }

    async fn count_open(&self) -> Result<Vec<OpenIn>, StoreError> {
        self.up().await?;
        self.inner().count_open().await
    }

    async fn sweep(&self) -> Result<Vec<ApprovalId>, StoreError> {
        self.up().await?;
        self.inner().sweep().await
    }

    async fn renew_lease(&self) -> Result<(), StoreError> {
        self.up().await?;
        self.inner().renew_lease().await
    }

    async fn note(&self, note: &Note) -> Result<(), StoreError> {
        self.inner().note(note).await
    }

    async fn list(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner().list(query).await
    }

    async fn precedents(&self, id: &ApprovalId) -> Result<Precedents, StoreError> {
        self.up().await?;
        self.inner().precedents(id).await
    }

    async fn listen(&self, id: &ApprovalId) -> Result<(), StoreError> {
        self.up().await?;
        self.inner().listen(id).await
    }

    fn forget(&self, id: &ApprovalId) {
        self.inner().forget(id);
    }

    fn health(&self) -> Health {
        self.inner().health()
    }
}
