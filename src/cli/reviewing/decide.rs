//! `holdpoint approve` and `holdpoint reject`

use std::io::{self, BufRead, IsTerminal};
use std::str::FromStr;

use clap::Args;
use jiff::Timestamp;

use super::{Failure, Remote, output};
use crate::cli::client::{Approval, Client, Decision};
use crate::cli::render::approval::{before, sheet, standing, tool};
use crate::cli::render::text::beginning;
use crate::cli::render::{Extent, STRONG, WARNING, state_style};
use crate::domain::approval::StateKind;
use crate::domain::decision::{ReasonCode, Verdict};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::ApprovalId;

/// Approve a call.
#[derive(Debug, Args)]
pub struct Approve {
    /// The approval, as `pending` lists it
    id: ApprovalId,
    /// Why; it is kept with the decision
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    /// The same in one word
    #[arg(long, value_name = "WORD", value_parser = reason_code)]
    reason_code: Option<ReasonCode>,
    /// Approve without asking, if this is the call's fingerprint, or at least its first 12 digits
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<FingerprintStart>,
    /// Approve without asking, whatever the call is
    #[arg(long)]
    yes: bool,
    /// Fold nothing of what is shown
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Reject calls.
#[derive(Debug, Args)]
pub struct Reject {
    /// The approvals, as `pending` lists them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<ApprovalId>,
    /// Why; the agent reads it
    #[arg(long, value_parser = reason)]
    reason: String,
    /// The same in one word
    #[arg(long, value_name = "WORD", value_parser = reason_code)]
    reason_code: Option<ReasonCode>,
    #[command(flatten)]
    remote: Remote,
}

impl Approve {
    pub(super) fn run(self) -> Result<(), Failure> {
        let ask = self.fingerprint.is_none() && !self.yes;
        if ask && !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return Err(Failure::NobodyToAsk);
        }
        let client = self.remote.client()?;
        let approval = open(&client, &self.id)?;
        let now = Timestamp::now();
        let whole = sheet(&approval, now, Extent::Full);
        let shown = if self.full { whole.clone() } else { sheet(&approval, now, Extent::Folded) };
        // To stderr, where the question comes too: stdout may be a file.
        anstream::eprintln!("{shown}{}", before(&approval, &client.precedents(&self.id)?));
        if self.fingerprint.is_some_and(|start| !start.begins(&approval.fingerprint)) {
            let found = approval.fingerprint.short();
            return Err(Failure::OtherCall { id: self.id, found });
        }
        if shown != whole {
            anstream::eprintln!("{WARNING}Part of the call is folded: --full shows all of it.{WARNING:#}");
        }
        if ask && !confirmed(&approval)? {
            return Err(Failure::NotConfirmed);
        }
        let why = Why { reason: self.reason.as_deref(), code: self.reason_code };
        send(&client, &self.remote, &approval, Verdict::Approve, why)
    }
}

impl Reject {
    pub(super) fn run(self) -> Result<(), Failure> {
        let client = self.remote.client()?;
        let why = Why { reason: Some(&self.reason), code: self.reason_code };
        let reject = |id| send(&client, &self.remote, &open(&client, id)?, Verdict::Reject, why);
        // One that cannot be rejected does not keep the others; the exit code tells of the first.
        let mut failures = self.ids.iter().filter_map(|id| reject(id).err());
        let Some(first) = failures.next() else { return Ok(()) };
        failures.for_each(|failure| failure.tell());
        Err(first)
    }
}

/// Why somebody decides so.
#[derive(Clone, Copy)]
struct Why<'a> {
    reason: Option<&'a str>,
    code: Option<ReasonCode>,
}

/// The beginning of a fingerprint, long enough that another call will not share it by accident.
#[derive(Debug, Clone)]
pub(super) struct FingerprintStart(String);

impl FingerprintStart {
    pub(super) fn begins(&self, fingerprint: &Fingerprint) -> bool {
        fingerprint.to_string().starts_with(&self.0)
    }
}

impl FromStr for FingerprintStart {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let start = text.to_ascii_lowercase();
        if !(12..=64).contains(&start.len()) || !start.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("a fingerprint has 64 hexadecimal digits; give all, or at least the first 12");
        }
        Ok(Self(start))
    }
}

pub(super) fn reason(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() { Err("say why, in a word at least") } else { Ok(text.to_owned()) }
}

fn reason_code(word: &str) -> Result<ReasonCode, String> {
    let words = || ReasonCode::ALL.map(ReasonCode::as_str).join(", ");
    ReasonCode::from_word(word).ok_or_else(|| format!("it is one of {}", words()))
}

/// The approval, if this reviewer can decide it. The service checks again; this spares a question in vain.
fn open(client: &Client, id: &ApprovalId) -> Result<Approval, Failure> {
    let approval = client.approval(id)?.approval;
    if approval.state != StateKind::Pending {
        let standing = standing(&approval);
        return Err(Failure::NotOpen { id: approval.id, state: approval.state, standing });
    }
    if !approval.can_decide {
        let why = approval.cannot_decide_reason.unwrap_or_else(|| "the service does not say why".to_owned());
        return Err(Failure::NotAllowed { id: approval.id, why });
    }
    Ok(approval)
}

/// Asks on the terminal. Anything but a yes is a no.
pub(super) fn confirmed(approval: &Approval) -> Result<bool, Failure> {
    let tool = beginning(tool(approval), 80);
    let fingerprint = approval.fingerprint.short();
    anstream::eprint!(
        "Approve {STRONG}{tool}{STRONG:#}, fingerprint {STRONG}{fingerprint}{STRONG:#}? [y/N] "
    );
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn send(
    client: &Client,
    remote: &Remote,
    approval: &Approval,
    verdict: Verdict,
    why: Why<'_>,
) -> Result<(), Failure> {
    let Approval { fingerprint, incarnation, .. } = *approval;
    let decision = Decision {
        verdict,
        reason: why.reason,
        reason_code: why.code.map(ReasonCode::as_str),
        fingerprint,
        incarnation,
    };
    let received = client.decide(&approval.id, &decision).map_err(|error| match error.may_pass() {
        true => Failure::Unanswered { id: approval.id.clone(), error },
        false => error.into(),
    })?;
    if remote.json {
        return Ok(output::script(&received.json)?);
    }
    let stands = received.approval;
    let style = state_style(stands.state);
    let votes = match stands.state {
        StateKind::Pending => {
            format!(": {} of {} approvals", stands.approvals_given, stands.approvals_needed)
        }
        _ => String::new(),
    };
    let (id, state) = (&approval.id, stands.state.as_str());
    let lone = match stands.replicated {
        Some(false) => "It is recorded, but not yet replicated: a failover of Redis now could lose it.\n",
        _ => "",
    };
    Ok(output::people(&format!("{id} is {style}{state}{style:#}{votes}\n{lone}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_known_by_12_digits_or_more() {
        let fingerprint: Fingerprint = "3fa91c04b7d2".repeat(6)[..64].parse().unwrap();
        for start in ["3fa91c04b7d2", "3FA91C04B7D23", &fingerprint.to_string()] {
            assert!(start.parse::<FingerprintStart>().unwrap().begins(&fingerprint), "{start}");
        }
        assert!(!"3fa91c04b7d3".parse::<FingerprintStart>().unwrap().begins(&fingerprint));
        assert!(!"fa91c04b7d23".parse::<FingerprintStart>().unwrap().begins(&fingerprint));
        for start in ["", "3fa91c04b7d", "3fa91c04b7dg", "0x3fa91c04b7d2", &"a".repeat(65)] {
            assert!(start.parse::<FingerprintStart>().is_err(), "{start}");
        }
    }

    #[test]
    fn a_blank_reason_is_none() {
        assert!(reason(" \n").is_err());
        assert_eq!(reason(" looks right ").unwrap(), "looks right");
    }
}
