//! A store that comes back from an older state has lost the end of a chain, and the chain goes on with other entries of
//! the same numbers. Nothing in the store tells of that, so each replica remembers the ends that it has seen.

use std::sync::PoisonError;

use super::Audit;
use crate::domain::audit::{Chain, Event, Head, Note, Place};
use crate::store::StoreError;
use crate::telemetry::metrics;

impl Audit {
    /// Remembers how a chain ends.
    pub(super) fn remember(&self, chain: &Chain, end: &Head) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.insert(chain.clone(), end.clone());
    }

    /// Tells where a chain no longer has the end that it had, loudly and in the chain itself.
    pub(super) async fn look_for_fork(&self, chain: &Chain, end: &Head) -> Result<(), StoreError> {
        let known = self.ends.lock().unwrap_or_else(PoisonError::into_inner).get(chain).cloned();
        let Some(known) = known else { return Ok(()) };
        if !self.has_lost(chain, &known, end).await? {
            return Ok(());
        }
        tracing::error!(%chain, had = known.number, hash = %known.hash, has = end.number,
            "the store has lost entries of the audit: sinks may have another version of what follows");
        let forked = Note::new(Event::Forked).with("had", known.number).with("hash", known.hash.to_string());
        self.log.write_down(&Note { chain: chain.clone(), ..forked.with("has", end.number) }).await?;
        metrics().forked(chain);
        Ok(())
    }

    async fn has_lost(&self, chain: &Chain, known: &Head, end: &Head) -> Result<bool, StoreError> {
        if end.number <= known.number {
            return Ok(end.hash != known.hash);
        }
        // Others have gone on: from where we saw it end?
        let behind = Place { number: known.number, checkpoint: true };
        let next = self.log.lines(chain, behind, 1).await?;
        let next = next.first().filter(|line| line.place.number == known.number + 1);
        Ok(next.and_then(|line| line.prev()).is_some_and(|prev| prev != known.hash))
    }
}
