//! How the audit is signed, kept and shipped.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Invalid, Span};

/// How the audit is signed, kept and shipped.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// The private key that signs checkpoints; `holdpoint audit keygen` makes one.
    pub key_file: Option<PathBuf>,
    /// A checkpoint after so many entries.
    pub checkpoint_every: u64,
    /// A checkpoint of what is new after this time.
    pub checkpoint_interval: Span<300>,
    /// How long entries are kept in the store.
    pub retention: Span<{ 30 * 24 * 3600 }>,
    /// Whether entries go after that time although a sink does not have them.
    pub trim_unshipped: bool,
    /// Where entries are copied to.
    pub sinks: Vec<SinkConfig>,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            key_file: None,
            checkpoint_every: 1000,
            checkpoint_interval: Span::default(),
            retention: Span::default(),
            trim_unshipped: false,
            sinks: Vec::new(),
        }
    }
}

/// Where entries are copied to: one of `file`, `webhook` and `otlp`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SinkConfig {
    /// Under which name the store keeps how far the sink is: letters, digits, `-` and `_`.
    pub name: String,
    /// A file of JSON lines.
    pub file: Option<PathBuf>,
    /// The file is put aside before it grows larger than so many bytes: 100 MiB where nothing is set.
    pub rotate_at: Option<u64>,
    /// Where lines are sent by POST.
    pub webhook: Option<String>,
    /// A file with the bearer token for that.
    pub token_file: Option<PathBuf>,
    /// A receiver of OTLP log records, by gRPC.
    pub otlp: Option<String>,
}

impl AuditConfig {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let wrong = |reason: String| Err(Invalid { line: 0, reason });
        if self.checkpoint_every == 0 {
            return wrong("audit.checkpoint_every has to be at least 1".to_owned());
        }
        for (n, sink) in self.sinks.iter().enumerate() {
            let name = &sink.name;
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(plain) {
                return wrong(format!("audit.sinks: a name has letters, digits, '-' and '_', not {name:?}"));
            }
            if self.sinks[..n].iter().any(|other| other.name == *name) {
                return wrong(format!("audit.sinks: {name:?} is there twice"));
            }
            let named = [sink.file.is_some(), sink.webhook.is_some(), sink.otlp.is_some()];
            if named.iter().filter(|named| **named).count() != 1 {
                return wrong(format!("audit.sinks: {name:?} needs one of `file`, `webhook` and `otlp`"));
            }
            if sink.file.is_none() && sink.rotate_at.is_some() {
                return wrong(format!("audit.sinks: {name:?}: `rotate_at` goes with `file`"));
            }
            if sink.webhook.is_none() && sink.token_file.is_some() {
                return wrong(format!("audit.sinks: {name:?}: `token_file` goes with `webhook`"));
            }
        }
        Ok(())
    }
}
