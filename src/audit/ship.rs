//! Copies the chains to where the operator wants them: at least once, and each chain in its order.

use std::time::Duration;

use super::{Audit, PART, Sink, is_of_probes};
use crate::domain::audit::{Chain, Place};
use crate::store::StoreError;

/// For how long a replica that ships a chain has it for itself. Longer than any delivery may take.
const TURN: Duration = Duration::from_secs(30);

impl Audit {
    /// Ships what is new to every sink.
    pub async fn ship_all(&self) {
        if self.settings.sinks.is_empty() {
            return;
        }
        for chain in self.chains().await.into_iter().filter(|chain| !is_of_probes(chain)) {
            for sink in &self.settings.sinks {
                match self.ship(&chain, sink).await {
                    Ok(()) => {}
                    Err(error) => {
                        tracing::warn!(%chain, sink = sink.name, %error, "not shipped, will be tried again")
                    }
                }
            }
        }
    }

    /// Goes on where the sink was left, by whichever replica. What was delivered and not noted is delivered again.
    async fn ship(&self, chain: &Chain, sink: &Sink) -> Result<(), NotShipped> {
        loop {
            if !self.log.take_turn(chain, &sink.name, self.replica, TURN).await? {
                return Ok(());
            }
            let shipped = self.log.shipped(chain, &sink.name).await?;
            let end = self.log.head(chain).await?.number;
            let from = if shipped.number > end {
                tracing::error!(%chain, sink = sink.name, shipped = shipped.number, end,
                    "the store has lost entries that were shipped: the sink has two versions of what follows");
                Place { number: end, checkpoint: true }
            } else {
                shipped
            };
            let lines = self.log.lines(chain, from, PART).await?;
            let Some(last) = lines.last().map(|line| line.place) else { return Ok(()) };
            let (more, target) = (lines.len() == PART, sink.target.clone());
            let delivered = tokio::task::spawn_blocking(move || target.deliver(&lines)).await;
            delivered
                .map_err(|panicked| NotShipped::Sink(panicked.to_string()))?
                .map_err(NotShipped::Sink)?;
            self.log.note_shipped(chain, &sink.name, last).await?;
            if !more {
                return Ok(());
            }
        }
    }
}

/// Why a sink does not have what is new.
#[derive(Debug, thiserror::Error)]
enum NotShipped {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Sink(String),
}
