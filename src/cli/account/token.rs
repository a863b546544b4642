//! `holdpoint token`

use std::io::Write;

use clap::{Args, Subcommand};

use super::Failure;
use crate::cli::client::NewToken;
use crate::cli::render::text::visible;
use crate::cli::reviewing::Remote;

/// Make, list and revoke tokens for scripts. Only operators can.
#[derive(Debug, Args)]
pub struct Token {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token and print it, this once
    New(New),
    /// List the tokens that are good
    List {
        #[command(flatten)]
        remote: Remote,
    },
    /// Revoke a token, on all replicas at once
    Revoke {
        /// Its id, as `list` shows it
        id: String,
        #[command(flatten)]
        remote: Remote,
    },
}

#[derive(Debug, Args)]
struct New {
    /// In whose name it acts
    #[arg(long)]
    subject: String,
    /// A group for which it may decide; may be there several times
    #[arg(long = "group", value_name = "GROUP", required_unless_present = "all_groups")]
    groups: Vec<String>,
    /// It may decide for all groups
    #[arg(long, conflicts_with = "groups")]
    all_groups: bool,
    /// What it may do: reviewer, operator or auditor; may be there several times
    #[arg(long = "role", value_name = "ROLE", default_value = "reviewer")]
    roles: Vec<String>,
    /// After how many days it ends, at most 366
    #[arg(long, default_value_t = 90)]
    days: u32,
    #[command(flatten)]
    remote: Remote,
}

impl Token {
    /// Runs the command.
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::New(new) => new.run(),
            Command::List { remote } => list(&remote),
            Command::Revoke { id, remote } => {
                remote.client()?.revoke_token(&id)?;
                anstream::eprintln!("{} is revoked.", visible(&id));
                Ok(())
            }
        }
    }
}

impl New {
    fn run(self) -> Result<(), Failure> {
        let wanted = NewToken {
            subject: &self.subject,
            groups: (!self.all_groups).then_some(&self.groups),
            roles: &self.roles,
            days: self.days,
        };
        let made = self.remote.client()?.new_token(&wanted)?;
        let mut out = anstream::stdout().lock();
        if self.remote.json() {
            writeln!(out, "{}", json(&made))?;
            return Ok(());
        }
        let end = made.expires_at;
        anstream::eprintln!(
            "Token {} for {} until {end}. It is not shown again:",
            made.id,
            visible(&made.subject)
        );
        writeln!(out, "{}", made.token.as_deref().unwrap_or_default())?;
        Ok(())
    }
}

fn list(remote: &Remote) -> Result<(), Failure> {
    let tokens = remote.client()?.tokens()?;
    let mut out = anstream::stdout().lock();
    if remote.json() {
        writeln!(out, "{}", json(&tokens))?;
        return Ok(());
    }
    for token in tokens {
        let groups = token.groups.as_ref().map_or("all groups".to_owned(), |groups| groups.join(", "));
        let (subject, roles, by) = (&token.subject, token.roles.join(", "), &token.created_by);
        let line = format!("{subject} ({roles}; {groups}), made by {by}, until {}", token.expires_at);
        writeln!(out, "{}  {}", visible(&token.id), visible(&line))?;
    }
    Ok(())
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("texts and times can be written as JSON")
}
