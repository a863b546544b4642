//! The command line.

pub mod account;
mod audit;
pub mod client;
mod config;
mod doctor;
pub mod exit;
mod policy;
mod render;
pub mod reviewing;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::exit::Exit;

/// Human approval for MCP tool calls, enforced at the gateway.
#[derive(Debug, Parser)]
#[command(name = "holdpoint", version = env!("HOLDPOINT_VERSION"), after_help = exit::HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Config(config::ConfigCommand),
    Policy(policy::Policy),
    Audit(audit::Audit),
    Doctor(doctor::Doctor),
    #[command(flatten)]
    Reviewing(reviewing::Reviewing),
    #[command(flatten)]
    Account(account::Account),
}

impl Cli {
    /// Runs the command that was asked for.
    pub fn run(self) -> ExitCode {
        let result = match self.command {
            Command::Serve(command) => command.run(),
            Command::Config(command) => command.run(),
            Command::Policy(command) => command.run(),
            Command::Audit(command) => return command.run(),
            Command::Doctor(command) => return command.run(),
            Command::Reviewing(command) => return command.run(),
            Command::Account(command) => return command.run(),
        };
        match result {
            Ok(()) => Exit::Ok.into(),
            Err(error) => {
                anstream::eprintln!("holdpoint: {error:#}");
                Exit::Failure.into()
            }
        }
    }
}
