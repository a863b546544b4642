//! `holdpoint pending`

use clap::Args;
use jiff::Timestamp;

use super::{Failure, Remote, output};
use crate::cli::client::Filter;
use crate::cli::render::approval::table;

/// List the calls that wait for a decision.
#[derive(Debug, Args)]
pub struct Pending {
    /// Only those of this queue
    #[arg(long)]
    queue: Option<String>,
    /// Only calls of this tool
    #[arg(long)]
    tool: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Pending {
    pub(super) fn run(self) -> Result<(), Failure> {
        let filter = Filter { queue: self.queue.as_deref(), tool: self.tool.as_deref() };
        let received = self.remote.client()?.pending(&filter)?;
        if self.remote.json {
            output::script_all(received.iter().map(|r| &*r.json))?;
        } else if received.is_empty() {
            output::people("Nothing waits for a decision.\n")?;
        } else {
            let approvals: Vec<_> = received.iter().map(|r| &r.approval).collect();
            output::people(&table(&approvals, Timestamp::now()))?;
        }
        Ok(())
    }
}
