//! A store between whose caller and itself answers get lost.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use holdpoint::domain::approval::Approval;
use holdpoint::store::around::{Around, Failure};
use holdpoint::store::memory::MemoryStore;
use holdpoint::store::{ApprovalStore, StoreError};

/// The embedded store, which can be made to fail.
pub struct FaultyStore {
    inner: RwLock<Arc<MemoryStore>>,
    failing: AtomicBool,
    hanging: AtomicBool,
    claims_to_lose: AtomicUsize,
    without_replicas: AtomicBool,
}

impl FaultyStore {
    pub fn over(inner: MemoryStore) -> Self {
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

    async fn up(&self) -> Result<(), StoreError> {
        if self.hanging.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        match self.failing.load(Ordering::SeqCst) {
            true => Err(lost()),
            false => Ok(()),
        }
    }

    fn loses_answer(&self, transition: &str) -> bool {
        let lose = |left: usize| left.checked_sub(1);
        transition == "claim"
            && self.claims_to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose).is_ok()
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable("as the test wants".to_owned())
}

impl Around for FaultyStore {
    fn inner(&self) -> Arc<dyn ApprovalStore> {
        self.inner.read().unwrap().clone()
    }

    async fn around<T: Send, E: Failure>(
        &self,
        transition: &'static str,
        answer: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        self.up().await?;
        let answer = answer.await;
        if self.loses_answer(transition) { Err(lost().into()) } else { answer }
    }

    async fn replicated(&self, _standing: &Approval) -> Option<bool> {
        Some(!self.without_replicas.load(Ordering::SeqCst))
    }
}
