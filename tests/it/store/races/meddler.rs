//! A store in which a reviewer is always quicker.

use std::sync::Arc;

use holdpoint::domain::approval::StateKind;
use holdpoint::store::around::{Around, Failure};
use holdpoint::store::{ApprovalStore, Query};

use super::super::stage::approve;
use crate::support::replica::everything;

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
    /// Approves what waits. An attempt listens before it parks, too: then nothing does.
    async fn meddle(&self) {
        let open = Query { states: vec![StateKind::Pending], ..everything() };
        let open = self.inner.list(&open).await.unwrap().approvals;
        for waits in open.iter().filter(|approval| approval.holder.is_some()) {
            self.inner.vote(&waits.id, &approve("bob")).await.unwrap();
        }
    }
}

impl Around for Meddler {
    fn inner(&self) -> Arc<dyn ApprovalStore> {
        Arc::clone(&self.inner)
    }

    async fn around<T: Send, E: Failure>(
        &self,
        transition: &'static str,
        answer: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        if (transition, self.moment) == ("listen", Moment::BeforeListening) {
            self.meddle().await;
        }
        let answer = answer.await;
        if let ("park", Moment::BeforeTheReplyOfPark) | ("listen", Moment::AfterListening) =
            (transition, self.moment)
        {
            self.meddle().await;
        }
        answer
    }
}
