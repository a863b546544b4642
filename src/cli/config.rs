//! `holdpoint config`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::{Config, Loaded};

/// Check a configuration
#[derive(Debug, Args)]
pub struct ConfigCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a configuration file: errors end with code 1, what may be meant otherwise is said
    Check {
        /// The configuration file
        file: PathBuf,
    },
}

impl ConfigCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// The configuration makes no sense.
    pub fn run(self) -> anyhow::Result<()> {
        let Command::Check { file } = self.command;
        let Loaded { config, .. } = Config::load(&file)?;
        let warnings = config.warnings();
        warnings.iter().for_each(|warning| println!("warning: {warning}"));
        println!("{}: {} rules, {} warnings", file.display(), config.policy.rules.len(), warnings.len());
        Ok(())
    }
}
