//! `holdpoint whoami`

use std::io::Write;

use clap::Args;

use super::Failure;
use crate::cli::render::text::visible;
use crate::cli::reviewing::Remote;

/// Say who you are to the service.
#[derive(Debug, Args)]
pub struct Whoami {
    #[command(flatten)]
    remote: Remote,
}

impl Whoami {
    /// Runs the command.
    pub(super) fn run(self) -> Result<(), Failure> {
        let who = self.remote.client()?.whoami()?;
        let mut out = anstream::stdout().lock();
        if self.remote.json() {
            writeln!(out, "{}", serde_json::to_string(&who).expect("texts can be written as JSON"))?;
            return Ok(());
        }
        let list = |names: &[String], none: &str| {
            if names.is_empty() { none.to_owned() } else { names.join(", ") }
        };
        let groups = who.groups.as_deref().map_or("all groups".to_owned(), |names| list(names, "no group"));
        writeln!(out, "{}", visible(&who.subject))?;
        writeln!(out, "  groups  {}", visible(&groups))?;
        writeln!(out, "  roles   {}", visible(&list(&who.roles, "none: you may only look")))?;
        writeln!(out, "  proof   {}", visible(&who.proof))?;
        Ok(())
    }
}
