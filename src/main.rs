//! The `holdpoint` command.

use std::process::ExitCode;

use clap::Parser;
use holdpoint::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
