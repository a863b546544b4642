//! `holdpoint policy`

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::config::{Config, Loaded};
use crate::domain::json::Json;
use crate::domain::policy::{Because, Ruled};
use crate::domain::ruling::{Late, Reason, Ruling, Terms};
use crate::ext_authz::example;

/// Try out the rules of a configuration
#[derive(Debug, Args)]
pub struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say which rule rules on a call, and why
    #[command(after_help = CALL)]
    Test {
        /// The configuration file
        file: PathBuf,
        /// A file with the call, as JSON
        #[arg(long, value_name = "FILE")]
        call: PathBuf,
        /// Print JSON, for scripts
        #[arg(long)]
        json: bool,
    },
}

const CALL: &str = r#"The call, with all but "message" optional:
  {
    "message": {"jsonrpc":"2.0","id":1,"method":"tools/call",
                "params":{"name":"run_migration","arguments":{"version":"v3"}}},
    "request": {"path":"/privileged/mcp","host":"tools","headers":{"x-team":"dba"}},
    "route": "privileged",
    "caller": {"sub":"alice","claims":{"groups":["dev"]}}
  }"#;

impl Policy {
    /// Runs the command.
    ///
    /// # Errors
    /// The configuration or the call makes no sense.
    pub fn run(self) -> anyhow::Result<()> {
        let Command::Test { file, call, json } = self.command;
        let Loaded { policy, .. } = Config::load(&file)?;
        let text = fs::read(&call).with_context(|| call.display().to_string())?;
        let example = Json::read(&text)
            .map_err(|error| error.to_string())
            .and_then(|json| example::read(&json).map_err(|error| error.to_string()));
        let (call, asked) = match example {
            Ok(read) => read,
            Err(why) => bail!("{}: {why}", call.display()),
        };
        let ruled = policy.rule(&call, &asked);
        println!("{}", if json { as_json(&ruled) } else { as_text(&ruled) });
        Ok(())
    }
}

fn word(ruling: &Ruling) -> &'static str {
    match ruling {
        Ruling::Pass => "pass",
        Ruling::Deny(_) => "deny",
        Ruling::Hold(_) => "hold",
    }
}

fn why(because: &Because) -> String {
    match because {
        Because::Rule(rule) => format!("rule {rule:?} matches"),
        Because::NoRule => "no rule matches this tools/call".to_owned(),
        Because::Harmless => "no rule matches, and the method reads or negotiates only".to_owned(),
        Because::Unknown => "no rule matches, and the method is not known to be harmless".to_owned(),
        Because::Unsure { rule, error } => {
            format!("rule {rule:?} cannot be evaluated for this call: {error}")
        }
    }
}

fn as_text(ruled: &Ruled) -> String {
    let first = format!("{}: {}", word(&ruled.ruling), why(&ruled.because));
    match &ruled.ruling {
        Ruling::Pass => first,
        Ruling::Deny(denial) => format!("{first}\n  the agent reads: {}", denial.reason),
        Ruling::Hold(terms) => {
            let late = match terms.late {
                Late::On { grant } => format!("a late approval is good for {grant:?}"),
                Late::Off => "it ends when the caller leaves".to_owned(),
            };
            format!(
                "{first}\n  queue {}, {}\n  held {:?} at a time, open for {:?}; {late}",
                terms.queue,
                quorum(terms),
                terms.hold,
                terms.expires
            )
        }
    }
}

/// Who has to approve.
fn quorum(terms: &Terms) -> String {
    let groups: Vec<_> = terms.reviewers.iter().map(|group| group.0.as_str()).collect();
    let shares: Vec<_> = terms.shares.iter().map(|s| format!("{} by {}", s.people, s.group)).collect();
    match (groups.as_slice(), shares.as_slice()) {
        ([], _) => format!("{} approval(s) by anybody who may review", terms.approvals),
        (_, []) => format!("{} approval(s) by {}", terms.approvals, groups.join(", ")),
        _ => format!("{} approvals: {}", terms.approvals, shares.join(", ")),
    }
}

fn as_json(ruled: &Ruled) -> String {
    let rule = match &ruled.because {
        Because::Rule(rule) | Because::Unsure { rule, .. } => Some(rule),
        Because::NoRule | Because::Harmless | Because::Unknown => None,
    };
    let terms = match &ruled.ruling {
        Ruling::Hold(terms) => Some(serde_json::json!({
            "queue": terms.queue.as_str(),
            "reviewers": terms.reviewers.iter().map(|group| &group.0).collect::<Vec<_>>(),
            "approvals": terms.approvals,
            "shares": terms.shares.iter().map(|s| (s.group.0.as_str(), s.people)).collect::<BTreeMap<_, _>>(),
            "reason_required": terms.reason == Reason::Required,
            "hold_seconds": terms.hold.as_secs_f64(),
            "expires_seconds": terms.expires.as_secs_f64(),
        })),
        Ruling::Pass | Ruling::Deny(_) => None,
    };
    let ruling = word(&ruled.ruling);
    serde_json::json!({ "ruling": ruling, "rule": rule, "why": why(&ruled.because), "terms": terms })
        .to_string()
}
