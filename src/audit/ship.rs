//! Copies the chains to where the operator wants them: at least once, and each chain in its order.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Audit, PART, Sink, is_of_probes};
use crate::domain::audit::{Chain, Place};
use crate::store::StoreError;
use crate::telemetry::metrics;

/// For how long a replica that ships a chain has it for itself. Longer than any delivery may take.
const TURN: Duration = Duration::from_secs(30);

impl Audit {
    /// Ships what is new to every sink.
    pub async fn ship_all(&self) {
        join_all(self.settings.sinks.iter().map(|sink| self.ship_to(sink))).await;
    }

    /// Ships what is new to a sink.
    pub(super) async fn ship_to(&self, sink: &Sink) {
        for chain in self.chains().await.into_iter().filter(|chain| !is_of_probes(chain)) {
            if let Err(error) = self.ship(&chain, sink).await {
                metrics().not_shipped(&sink.name);
                tracing::warn!(%chain, sink = sink.name, %error, "not shipped, will be tried again");
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
                    "the store has lost entries that were shipped: the sink gets the chain again");
                Place::START
            } else {
                shipped
            };
            let lines = self.log.lines(chain, from, PART).await?;
            let Some(last) = lines.last().map(|line| line.place) else { return Ok(()) };
            let (n, more) = (lines.len(), lines.len() == PART);
            sink.target.deliver(lines).await.map_err(NotShipped::Sink)?;
            self.log.note_shipped(chain, &sink.name, last).await?;
            metrics().shipped(&sink.name, n);
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
