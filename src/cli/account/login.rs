//! `holdpoint login`, and the token that it brought.

use clap::Args;
use jiff::Timestamp;

use super::issuer::{NotGiven, sign_in};
use super::kept::{Kept, SignedIn};
use super::{Failure, NotKept};
use crate::cli::client::{Client, Token};
use crate::cli::render::text::visible;
use crate::cli::reviewing::Remote;

/// Sign in through the service's issuer.
#[derive(Debug, Args)]
pub struct Login {
    #[command(flatten)]
    remote: Remote,
}

impl Login {
    /// Runs the command.
    pub(super) fn run(self) -> Result<(), Failure> {
        let place = Client::new(self.remote.url(), None)?.sign_in_place()?;
        let signed_in = sign_in(&place).map_err(Failure::NotSignedIn)?;
        let until = match &signed_in.renewal {
            Some(_) => "until you sign out, or the issuer ends it".to_owned(),
            None => format!("until {:.0}", signed_in.expires_at),
        };
        let path = Kept::open()?.put(self.remote.url(), signed_in)?;
        anstream::eprintln!("You are signed in {until} ({}).", path.display());
        Ok(())
    }
}

/// The token for this service, if somebody has signed in there. One that is about to end is renewed, where that can be.
pub fn token_for(url: &str) -> Option<Token> {
    let signed_in = Kept::peek(url)?;
    if signed_in.lasts() {
        return Some(signed_in.token.into());
    }
    let signed_in = renewed(url).unwrap_or_else(|why| {
        anstream::eprintln!("holdpoint: your sign-in cannot be renewed: {}", visible(&why));
        Some(signed_in)
    })?;
    (Timestamp::now() < signed_in.expires_at).then(|| signed_in.token.into())
}

/// The sign-in as it stands once nobody else renews it.
fn renewed(url: &str) -> Result<Option<SignedIn>, String> {
    let kept = Kept::open().map_err(|why: NotKept| why.to_string())?;
    let Some(signed_in) = kept.of(url).cloned() else { return Ok(None) };
    let Some(renewal) = signed_in.renewal.as_ref().filter(|_| !signed_in.lasts()) else {
        return Ok(Some(signed_in));
    };
    let why = match renewal.renewed() {
        Ok(renewed) => {
            return kept.put(url, renewed.clone()).map(|_| Some(renewed)).map_err(|why| why.to_string());
        }
        Err(why) => why,
    };
    if matches!(why, NotGiven::Refused(_)) {
        kept.forget(url).map_err(|why| why.to_string())?;
    }
    Err(why.to_string())
}
