//! `holdpoint logout`

use clap::Args;

use super::Failure;
use super::kept::Kept;
use crate::cli::reviewing::Remote;

/// Forget the sign-in to the service.
#[derive(Debug, Args)]
pub struct Logout {
    #[command(flatten)]
    remote: Remote,
}

impl Logout {
    /// Runs the command.
    pub(super) fn run(self) -> Result<(), Failure> {
        let kept = Kept::open()?;
        let Some(signed_in) = kept.of(self.remote.url()).cloned() else {
            anstream::eprintln!("You were not signed in there.");
            return Ok(());
        };
        // Here first: whatever the issuer answers, nothing is left on this machine.
        kept.forget(self.remote.url())?;
        signed_in.renewal.map_or(Ok(()), |renewal| renewal.revoke()).map_err(Failure::NotTold)?;
        anstream::eprintln!("You are signed out.");
        Ok(())
    }
}
