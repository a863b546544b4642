//! A store whose answers are timed and whose failures are counted, whichever store it is.

use std::sync::Arc;
use std::time::Instant;

use super::ApprovalStore;
use super::around::{Around, Failure};
use crate::telemetry::metrics;

/// The store inside, measured.
pub struct Measured(pub Arc<dyn ApprovalStore>);

impl Around for Measured {
    fn inner(&self) -> Arc<dyn ApprovalStore> {
        Arc::clone(&self.0)
    }

    async fn around<T: Send, E: Failure>(
        &self,
        transition: &'static str,
        answer: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let asked = Instant::now();
        let answer = answer.await;
        let is_ok = answer.as_ref().err().is_none_or(|error| !error.is_failure());
        metrics().stored(transition, is_ok, asked.elapsed());
        answer
    }
}
