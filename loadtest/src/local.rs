//! What is started here: replicas and a Redis, as processes that end with this one.

pub mod processes;
pub mod redis;
pub mod replica;

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;

/// The program that is measured or attacked: this one, or else the one beside us.
pub fn program(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let program = match named {
        Some(program) => program.to_owned(),
        None => env::current_exe()?.with_file_name("holdpoint"),
    };
    if !program.exists() {
        bail!("{} is not there: build it, or name another with --holdpoint", program.display());
    }
    Ok(program)
}

/// A span of time as it is written on the command line: `90s`, `1m30s`.
pub fn span(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(span).map_err(|error| error.to_string())
}
