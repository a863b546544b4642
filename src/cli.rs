//! The command line.

pub mod client;
pub mod exit;
mod render;
pub mod reviewing;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Human approval for MCP tool calls, enforced at the gateway.
#[derive(Debug, Parser)]
#[command(name = "holdpoint", version, after_help = exit::HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Reviewing(reviewing::Reviewing),
}

impl Cli {
    /// Runs the command that was asked for.
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Reviewing(command) => command.run(),
        }
    }
}
