//! `holdpoint show`

use clap::Args;
use jiff::Timestamp;

use super::{Failure, Remote, output};
use crate::cli::render::Extent;
use crate::cli::render::approval::{before, sheet};
use crate::domain::ids::ApprovalId;

/// Show one call in full.
#[derive(Debug, Args)]
pub struct Show {
    /// The approval, as `pending` lists it
    id: ApprovalId,
    /// Fold nothing
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Show {
    pub(super) fn run(self) -> Result<(), Failure> {
        let client = self.remote.client()?;
        let received = client.approval(&self.id)?;
        if self.remote.json {
            output::script(&received.json)?;
        } else {
            let extent = if self.full { Extent::Full } else { Extent::Folded };
            let known = before(&received.approval, &client.precedents(&self.id)?);
            output::people(&format!("{}{known}", sheet(&received.approval, Timestamp::now(), extent)))?;
        }
        Ok(())
    }
}
