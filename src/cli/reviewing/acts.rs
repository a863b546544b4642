//! `holdpoint cancel`, `revoke`, `extend`, `break-glass` and `reject-all`: what is done beside single decisions.

use std::io::{self, IsTerminal};

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::decide::{FingerprintStart, confirmed, reason};
use super::{Failure, Remote, output};
use crate::cli::client::{Batch, Counts};
use crate::cli::render::approval::sheet;
use crate::cli::render::{Extent, state_style};
use crate::domain::approval::StateKind;
use crate::domain::ids::ApprovalId;

/// End a pending call, or take an unused approval back.
#[derive(Debug, Args)]
pub struct Ending {
    /// The approval, as `pending` lists it
    id: ApprovalId,
    /// Why; it is kept
    #[arg(long, value_parser = reason)]
    reason: String,
    #[command(flatten)]
    remote: Remote,
}

/// Keep a pending call open for longer.
#[derive(Debug, Args)]
pub struct Extend {
    /// The approval, as `pending` lists it
    id: ApprovalId,
    /// For how many seconds more
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Why; it is kept
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Approve at once, whatever the rule wants.
#[derive(Debug, Args)]
pub struct BreakGlass {
    /// The approval, as `pending` lists it
    id: ApprovalId,
    /// Why
    #[arg(long, value_parser = reason)]
    reason: String,
    /// The ticket of the incident
    #[arg(long, value_parser = reason)]
    ticket: String,
    /// Do not ask, if this is the call's fingerprint, or at least its first 12 digits
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<FingerprintStart>,
    #[command(flatten)]
    remote: Remote,
}

/// Reject everything that waits and matches.
#[derive(Debug, Args)]
#[group(id = "matching", required = true, multiple = true, args = ["queue", "tool", "caller", "call"])]
pub struct RejectAll {
    /// Only those of this queue
    #[arg(long)]
    queue: Option<String>,
    /// Only calls of this tool
    #[arg(long)]
    tool: Option<String>,
    /// Only those of this caller
    #[arg(long)]
    caller: Option<String>,
    /// Only this call, by its whole fingerprint
    #[arg(long, value_name = "HEX")]
    call: Option<String>,
    /// Why; the agents read it
    #[arg(long, value_parser = reason)]
    reason: String,
    /// Only say how many it would be
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Ending {
    pub(super) fn run(self, verb: &str) -> Result<(), Failure> {
        act_as_seen(&self.remote, &self.id, verb, json!({ "reason": self.reason }))
    }
}

impl Extend {
    pub(super) fn run(self) -> Result<(), Failure> {
        let body = json!({ "seconds": self.seconds, "reason": self.reason });
        act_as_seen(&self.remote, &self.id, "extend", body)
    }
}

impl BreakGlass {
    pub(super) fn run(self) -> Result<(), Failure> {
        let asks = self.fingerprint.is_none();
        if asks && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return Err(Failure::NobodyToAsk);
        }
        let approval = self.remote.client()?.approval(&self.id)?.approval;
        anstream::eprintln!("{}", sheet(&approval, Timestamp::now(), Extent::Full));
        if self.fingerprint.is_some_and(|start| !start.begins(&approval.fingerprint)) {
            let found = approval.fingerprint.short();
            return Err(Failure::OtherCall { id: self.id, found });
        }
        if asks && !confirmed(&approval)? {
            return Err(Failure::NotConfirmed);
        }
        let body = json!({
            "reason": self.reason,
            "ticket": self.ticket,
            "fingerprint": approval.fingerprint.to_string(),
            "incarnation": approval.incarnation.to_string(),
        });
        act(&self.remote, &self.id, "break-glass", &body)
    }
}

impl RejectAll {
    pub(super) fn run(self) -> Result<(), Failure> {
        let wanted =
            [("queue", self.queue), ("tool", self.tool), ("caller", self.caller), ("fingerprint", self.call)];
        let filter: serde_json::Map<String, Value> =
            wanted.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect();
        let body = json!({
            "verdict": "reject", "reason": self.reason, "dry_run": self.dry_run, "filter": filter,
        });
        let batch: Batch = self.remote.client()?.decide_many(&body)?;
        if self.remote.json {
            let json = serde_json::value::to_raw_value(&batch).map_err(io::Error::other)?;
            return Ok(output::script(&json)?);
        }
        let Counts { recorded, would_record, refused } = batch.counts;
        let done = if self.dry_run {
            format!("{would_record} would be rejected")
        } else {
            format!("{recorded} rejected")
        };
        let more = if batch.more { "; more match: call it again" } else { "" };
        Ok(output::people(&format!("{done}, {refused} refused{more}\n"))?)
    }
}

/// Looks first: sent again after a failover of the store, it then counts on one side of it only.
fn act_as_seen(remote: &Remote, id: &ApprovalId, verb: &str, mut body: Value) -> Result<(), Failure> {
    let seen = remote.client()?.approval(id)?.approval;
    body["incarnation"] = seen.incarnation.to_string().into();
    act(remote, id, verb, &body)
}

fn act(remote: &Remote, id: &ApprovalId, verb: &str, body: &Value) -> Result<(), Failure> {
    let received = remote.client()?.act(id, verb, body).map_err(|error| match error.may_pass() {
        true => Failure::Unanswered { id: id.clone(), error },
        false => error.into(),
    })?;
    if remote.json {
        return Ok(output::script(&received.json)?);
    }
    let stands = received.approval;
    let (style, state) = (state_style(stands.state), stands.state.as_str());
    let until = match stands.state {
        StateKind::Pending => format!(" until {:.0}", stands.deadline),
        _ => String::new(),
    };
    Ok(output::people(&format!("{id} is {style}{state}{style:#}{until}\n"))?)
}
