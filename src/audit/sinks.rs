//! Where the audit is copied to.

mod file;
mod webhook;

use std::path::PathBuf;

use tokio::task::spawn_blocking;

use crate::domain::audit::Line;
use crate::telemetry::AuditLogs;

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
    /// A receiver of OTLP log records.
    Otlp(AuditLogs),
}

impl Target {
    /// Delivers lines; they are there for good when this returns. The error says why they are not.
    pub(super) async fn deliver(&self, lines: Vec<Line>) -> Result<(), String> {
        match self.clone() {
            Self::File { path, rotate_at } => {
                blocking(move || {
                    let appended = file::append(&path, rotate_at, &lines);
                    appended.map_err(|error| format!("{}: {error}", path.display()))
                })
                .await
            }
            Self::Webhook { url, token } => {
                blocking(move || webhook::post(&url, token.as_deref(), &lines)).await
            }
            Self::Otlp(receiver) => receiver.take(&lines).await,
        }
    }
}

async fn blocking(deliver: impl FnOnce() -> Result<(), String> + Send + 'static) -> Result<(), String> {
    spawn_blocking(deliver).await.unwrap_or_else(|panicked| Err(panicked.to_string()))
}

/// Lines, each with its end.
fn text(lines: &[Line]) -> String {
    lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect()
}
