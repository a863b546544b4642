//! `holdpoint audit`

mod offline;
mod online;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::ClientError;
use super::exit::{self, Exit};
use super::render::text::visible;
use crate::domain::audit::PublicKey;

/// Find, export and prove what happened
#[derive(Debug, Args)]
#[command(after_help = exit::HELP)]
pub struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find entries, newest first, as JSON lines
    Search(online::Search),
    /// Write the chains as they are, or a table
    Export(online::Export),
    /// Write all that there is to prove what became of one approval
    Show(online::Show),
    /// Check an exported, shipped or shown file: nothing but the file is needed
    Verify {
        /// The file
        file: PathBuf,
        /// Every chain has to be signed by this key
        #[arg(long, value_name = "HEX")]
        public_key: Option<PublicKey>,
    },
    /// Make a key that signs checkpoints, and print the public one
    Keygen {
        /// Where to write the private key; a file that is there is left alone
        file: PathBuf,
    },
}

impl Audit {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        let result = match self.command {
            Command::Search(command) => command.run(),
            Command::Export(command) => command.run(),
            Command::Show(command) => command.run(),
            Command::Verify { file, public_key } => offline::verify(&file, public_key.as_ref()),
            Command::Keygen { file } => offline::keygen(&file),
        };
        let exit = match result {
            Ok(()) => Exit::Ok,
            // `holdpoint audit search | head` has seen enough.
            Err(error) if is_broken_pipe(&error) => Exit::Ok,
            Err(error) => {
                anstream::eprintln!("holdpoint: {}", visible(&format!("{error:#}")));
                error.downcast_ref().map_or(Exit::Failure, ClientError::exit)
            }
        };
        exit.into()
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
