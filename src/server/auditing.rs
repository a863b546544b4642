//! The audit's settings, with what lies in files.

use std::path::Path;

use anyhow::{Context, bail};

use crate::audit::{Settings, Sink, Target};
use crate::config::{AuditConfig, SinkConfig};
use crate::domain::audit::Notary;
use crate::telemetry::AuditLogs;

/// A file of the audit is put aside before it grows larger than this, where nothing else is set.
const ROTATE_AT: u64 = 100 << 20;

/// Reads the files that the configuration names.
pub(super) fn settings(config: &AuditConfig) -> anyhow::Result<Settings> {
    let notary = config.key_file.as_deref().map(notary).transpose()?;
    match &notary {
        Some(notary) => tracing::info!(key = %notary.public_key(), "the audit is signed"),
        None => tracing::warn!("audit.key_file is not set: the audit is a chain, but nobody signs it"),
    }
    Ok(Settings {
        notary,
        checkpoint_every: config.checkpoint_every,
        checkpoint_interval: config.checkpoint_interval.get(),
        retention: config.retention.get(),
        trim_unshipped: config.trim_unshipped,
        sinks: config.sinks.iter().map(sink).collect::<Result<_, _>>()?,
    })
}

fn notary(path: &Path) -> anyhow::Result<Notary> {
    let named = || format!("audit.key_file {}", path.display());
    let pem = std::fs::read_to_string(path).with_context(named)?;
    Notary::from_pem(&pem).with_context(named)
}

fn sink(config: &SinkConfig) -> anyhow::Result<Sink> {
    let target = match (&config.file, &config.webhook, &config.otlp) {
        (Some(path), None, None) => {
            Target::File { path: path.clone(), rotate_at: config.rotate_at.unwrap_or(ROTATE_AT) }
        }
        (None, Some(url), None) => {
            let read =
                |path| std::fs::read_to_string(path).with_context(|| format!("audit.sinks {}", config.name));
            let token = config.token_file.as_ref().map(read).transpose()?;
            Target::Webhook { url: url.clone(), token: token.map(|token| token.trim().to_owned()) }
        }
        (None, None, Some(endpoint)) => Target::Otlp(
            AuditLogs::to(endpoint).with_context(|| format!("audit.sinks {}: {endpoint}", config.name))?,
        ),
        _ => bail!("audit.sinks: {:?} needs one of `file`, `webhook` and `otlp`", config.name),
    };
    Ok(Sink { name: config.name.clone(), target })
}
