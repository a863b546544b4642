//! What the exit code says to a script.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Ok = 0,
    /// It failed, in a way that no other code names.
    Failure = 1,
    /// It was asked in a way that makes no sense; clap ends with the same code.
    Usage = 2,
    /// Somebody decided before.
    AlreadyDecided = 3,
    /// This reviewer may not.
    NotAllowed = 4,
    /// The approval has expired or was cancelled.
    Gone = 5,
    /// The service, or its store, does not answer.
    Unreachable = 6,
    /// There is no such approval.
    NotFound = 7,
}

/// The exit codes, for `--help`.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  failed: not confirmed, another call than the one of --fingerprint, an answer that makes no sense
  2  wrong usage
  3  already decided
  4  not allowed: no valid token, not in the reviewers' group, your own call, voted before
  5  expired, or the caller is gone
  6  the service, its store or its issuer cannot be reached
  7  no such approval";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
