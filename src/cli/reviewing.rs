//! The commands of a reviewer, against the admin API of a running service.

mod acts;
mod decide;
mod output;
mod pending;
mod show;
mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::account::token_for;
use super::client::{Client, ClientError, Token};
use super::exit::{self, Exit};
use super::render::text::visible;
use crate::domain::approval::StateKind;
use crate::domain::ids::ApprovalId;

pub use acts::{BreakGlass, Ending, Extend, RejectAll};
pub use decide::{Approve, Reject};
pub use pending::Pending;
pub use show::Show;
pub use watch::Watch;

/// What a reviewer can ask for.
#[derive(Debug, Subcommand)]
pub enum Reviewing {
    /// List the calls that wait for a decision, oldest first
    #[command(after_help = exit::HELP)]
    Pending(Pending),
    /// Show one call in full
    #[command(after_help = exit::HELP)]
    Show(Show),
    /// Approve a call: it may run, once
    #[command(after_help = exit::HELP)]
    Approve(Approve),
    /// Reject a call: the agent reads the reason
    #[command(after_help = exit::HELP)]
    Reject(Reject),
    /// Reject everything that waits and matches; --dry-run says how many that is
    #[command(after_help = exit::HELP)]
    RejectAll(RejectAll),
    /// End a pending call: it does not run
    #[command(after_help = exit::HELP)]
    Cancel(Ending),
    /// Take back an approval that was not used yet
    #[command(after_help = exit::HELP)]
    Revoke(Ending),
    /// Keep a pending call open for longer
    #[command(after_help = exit::HELP)]
    Extend(Extend),
    /// Approve at once, whatever the rule wants: for the group that may, with a ticket
    #[command(after_help = exit::HELP)]
    BreakGlass(BreakGlass),
    /// Follow what happens, a line per change
    #[command(after_help = exit::HELP)]
    Watch(Watch),
}

/// Which service, and in which form it answers.
#[derive(Debug, Args)]
pub struct Remote {
    /// Where the admin side of the service listens
    #[arg(long, env = "HOLDPOINT_URL", hide_env_values = true, default_value = "http://127.0.0.1:8081")]
    url: String,
    /// The reviewer's token; the environment is the better place for it, because others can see arguments
    #[arg(long, env = "HOLDPOINT_TOKEN", hide_env_values = true)]
    token: Option<Token>,
    /// Print JSON as the service sends it, for scripts
    #[arg(long)]
    pub(super) json: bool,
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{id} is no longer open: {state}, {standing}", state = .state.as_str())]
    NotOpen { id: ApprovalId, state: StateKind, standing: String },
    #[error("you cannot decide {id}: {why}")]
    NotAllowed { id: ApprovalId, why: String },
    #[error("{id} has the fingerprint {found}, which does not begin as --fingerprint does: nothing was sent")]
    OtherCall { id: ApprovalId, found: String },
    #[error(
        "there is no terminal to ask on: give --fingerprint with the first 12 digits of what `holdpoint show` \
         shows, or --yes"
    )]
    NobodyToAsk,
    #[error("not confirmed: nothing was sent")]
    NotConfirmed,
    #[error("{error}; whether {id} counted this decision is not known, `holdpoint show {id}` tells")]
    Unanswered { id: ApprovalId, error: ClientError },
    #[error("cannot print: {0}")]
    Output(#[from] std::io::Error),
}

impl Reviewing {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        let result = match self {
            Self::Pending(command) => command.run(),
            Self::Show(command) => command.run(),
            Self::Approve(command) => command.run(),
            Self::Reject(command) => command.run(),
            Self::RejectAll(command) => command.run(),
            Self::Cancel(command) => command.run("cancel"),
            Self::Revoke(command) => command.run("revoke"),
            Self::Extend(command) => command.run(),
            Self::BreakGlass(command) => command.run(),
            Self::Watch(command) => command.run(),
        };
        let exit = match result {
            Ok(()) => Exit::Ok,
            // `holdpoint pending | head` has seen enough.
            Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Ok,
            Err(failure) => {
                anstream::eprintln!("holdpoint: {}", visible(&failure.to_string()));
                failure.exit()
            }
        };
        exit.into()
    }
}

impl Remote {
    /// A client with the token that was given, or else with that of `holdpoint login`.
    pub(super) fn client(&self) -> Result<Client, ClientError> {
        let kept = self.token.is_none().then(|| token_for(&self.url)).flatten();
        Client::new(&self.url, self.token.as_ref().or(kept.as_ref()))
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn json(&self) -> bool {
        self.json
    }
}

impl Failure {
    fn exit(&self) -> Exit {
        match self {
            Self::Client(error) | Self::Unanswered { error, .. } => error.exit(),
            Self::NotOpen { state: StateKind::Expired | StateKind::Cancelled, .. } => Exit::Gone,
            Self::NotOpen { .. } => Exit::AlreadyDecided,
            Self::NotAllowed { .. } => Exit::NotAllowed,
            Self::NobodyToAsk => Exit::Usage,
            Self::OtherCall { .. } | Self::NotConfirmed | Self::Output(_) => Exit::Failure,
        }
    }
}
