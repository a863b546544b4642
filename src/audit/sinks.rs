//! Where the audit is copied to.

mod file;
mod webhook;

use std::path::PathBuf;

use crate::domain::audit::Line;

/// Where the audit is copied to.
#[derive(Debug, Clone)]
pub struct Sink {
    /// Under which name the store keeps up to where it was copied.
    pub name: String,
    /// What takes it.
    pub target: Target,
}

/// What takes the audit.
#[derive(Debug, Clone)]
pub enum Target {
    /// A file of lines.
    File {
        /// The file that is written now.
        path: PathBuf,
        /// It is put aside, under a name with the time, before it grows larger than this many bytes.
        rotate_at: u64,
    },
    /// A server that takes lines by POST.
    Webhook {
        /// Its address.
        url: String,
        /// What it wants to see as a bearer token.
        token: Option<String>,
    },
}

impl Target {
    /// Delivers lines; blocks until they are there for good. The error says why they are not.
    pub(super) fn deliver(&self, lines: &[Line]) -> Result<(), String> {
        match self {
            Self::File { path, rotate_at } => {
                file::append(path, *rotate_at, lines).map_err(|error| format!("{}: {error}", path.display()))
            }
            Self::Webhook { url, token } => webhook::post(url, token.as_deref(), lines),
        }
    }
}

/// Lines, each with its end.
fn text(lines: &[Line]) -> String {
    lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect()
}
