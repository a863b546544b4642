//! Who somebody is to the service, and the tokens that they make.

mod issuer;
mod kept;
mod login;
mod logout;
mod token;
mod whoami;

use std::process::ExitCode;

use clap::Subcommand;

use self::issuer::NotGiven;
use self::kept::NotKept;
pub(super) use self::login::token_for;
use super::client::ClientError;
use super::exit::{self, Exit};
use super::render::text::visible;

/// What somebody can ask for about themselves.
#[derive(Debug, Subcommand)]
pub enum Account {
    /// Sign in through the service's issuer, in a browser on any machine
    #[command(after_help = exit::HELP)]
    Login(login::Login),
    /// Forget the sign-in to the service, and have the issuer forget it
    #[command(after_help = exit::HELP)]
    Logout(logout::Logout),
    /// Say who you are to the service, and what you may do
    #[command(after_help = exit::HELP)]
    Whoami(whoami::Whoami),
    /// Make, list and revoke tokens for scripts
    #[command(after_help = exit::HELP)]
    Token(token::Token),
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    NotKept(#[from] NotKept),
    #[error("you were not signed in: {0}")]
    NotSignedIn(NotGiven),
    #[error("you are signed out here, but the issuer was not told: {0}")]
    NotTold(NotGiven),
    #[error("cannot print: {0}")]
    Output(#[from] std::io::Error),
}

impl Account {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        let result = match self {
            Self::Login(command) => command.run(),
            Self::Logout(command) => command.run(),
            Self::Whoami(command) => command.run(),
            Self::Token(command) => command.run(),
        };
        let exit = match result {
            Ok(()) => Exit::Ok,
            Err(failure) => {
                anstream::eprintln!("holdpoint: {}", visible(&failure.to_string()));
                match failure {
                    Failure::Client(error) => error.exit(),
                    Failure::NotSignedIn(NotGiven::Refused(_)) => Exit::NotAllowed,
                    Failure::NotSignedIn(NotGiven::Unanswered(_)) => Exit::Unreachable,
                    Failure::NotTold(_) | Failure::NotKept(_) | Failure::Output(_) => Exit::Failure,
                }
            }
        };
        exit.into()
    }
}
