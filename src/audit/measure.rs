//! How long the chains are, and how far sinks are behind.

use std::time::Duration;

use super::{Audit, is_of_probes};
use crate::domain::audit::Line;
use crate::store::StoreError;
use crate::telemetry::metrics;

impl Audit {
    /// Measures all chains and sinks.
    pub async fn measure(&self) -> Result<(), StoreError> {
        let mut ends = Vec::new();
        for chain in self.log.chains().await?.into_iter().filter(|chain| !is_of_probes(chain)) {
            let end = self.log.head(&chain).await?.number;
            metrics().sealed(&chain, end);
            ends.push((chain, end));
        }
        for sink in &self.settings.sinks {
            let (mut behind, mut oldest) = (0, None);
            for (chain, end) in &ends {
                let shipped = self.log.shipped(chain, &sink.name).await?;
                if shipped.number < *end {
                    behind += end - shipped.number;
                    let next = self.log.lines(chain, shipped, 1).await?;
                    oldest = oldest.into_iter().chain(next.first().and_then(Line::at)).min();
                }
            }
            let age = oldest.map(|oldest| self.clock.now().duration_since(oldest));
            let age = age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default();
            metrics().behind(&sink.name, behind, age);
        }
        Ok(())
    }
}
