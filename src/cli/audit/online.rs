//! What a running service is asked for.

use std::io::{self, Write};

use clap::Args;

use crate::cli::render::json::escaped;
use crate::cli::reviewing::Remote;
use crate::domain::ids::ApprovalId;

/// Which part of the audit, of which service.
#[derive(Debug, Args)]
struct Part {
    /// In this queue; `(system)` for what belongs to none
    #[arg(long)]
    queue: Option<String>,
    /// At this time or later (RFC 3339)
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Find entries, newest first.
#[derive(Debug, Args)]
pub struct Search {
    #[command(flatten)]
    part: Part,
    /// About this approval
    #[arg(long, value_name = "ID")]
    approval: Option<String>,
    /// About calls of this caller
    #[arg(long)]
    caller: Option<String>,
    /// About calls of this tool
    #[arg(long)]
    tool: Option<String>,
    /// What this reviewer did
    #[arg(long)]
    reviewer: Option<String>,
    /// What happened: `released`, `rejected`, …
    #[arg(long)]
    outcome: Option<String>,
    /// Of this trace
    #[arg(long, value_name = "TRACE-ID")]
    trace: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

/// Write the chains as they are.
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    part: Part,
    /// A table that spreadsheets read. It proves nothing
    #[arg(long)]
    csv: bool,
}

/// Write all that there is to prove what became of one approval.
#[derive(Debug, Args)]
pub struct Show {
    /// The approval
    id: ApprovalId,
    #[command(flatten)]
    remote: Remote,
}

impl Part {
    fn query(&self) -> [(&'static str, Option<&str>); 3] {
        [("queue", self.queue.as_deref()), ("from", self.from.as_deref()), ("until", self.until.as_deref())]
    }
}

impl Search {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let more = [
            ("approval", self.approval.as_deref()),
            ("caller", self.caller.as_deref()),
            ("tool", self.tool.as_deref()),
            ("reviewer", self.reviewer.as_deref()),
            ("outcome", self.outcome.as_deref()),
            ("trace", self.trace.as_deref()),
        ];
        let query = [&self.part.query()[..], &more].concat();
        let mut out = io::stdout().lock();
        for entry in self.part.remote.client()?.audit(&query, self.limit)? {
            writeln!(out, "{}", escaped(entry.get()))?;
        }
        Ok(out.flush()?)
    }
}

impl Export {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let query = [&self.part.query()[..], &[("format", self.csv.then_some("csv"))]].concat();
        self.part.remote.client()?.copy("/v1/audit:export", &query, &mut io::stdout())??;
        Ok(())
    }
}

impl Show {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let path = format!("/v1/approvals/{}/evidence", self.id);
        self.remote.client()?.copy(&path, &[], &mut io::stdout())??;
        Ok(())
    }
}
