//! What the operator said: one YAML file, one small struct a concern, everything with a default.

mod audit;
mod duration;
mod identity;
mod limits;
mod policy;
mod redis;
mod shutdown;
mod sides;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

pub use self::audit::{AuditConfig, SinkConfig};
pub use self::duration::Span;
pub use self::identity::{Network, OidcConfig, ProxyConfig, RolesConfig, SessionsConfig};
pub use self::limits::LimitsConfig;
pub use self::policy::{PolicyConfig, RedactConfig};
pub use self::redis::{ClientCertificate, RedisConfig};
pub use self::shutdown::{LeaveParked, ShutdownConfig};
pub use self::sides::{AdminConfig, ExtAuthzConfig, IdentityConfig, ReviewerConfig, Source};
use crate::domain::audit::Sha256Hex;
use crate::domain::policy::Policy;

/// Everything that can be configured.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What gateways connect to.
    pub ext_authz: ExtAuthzConfig,
    /// What reviewers connect to.
    pub admin: AdminConfig,
    /// The Redis that all replicas share; without it approvals live in the process and end with it.
    pub redis: Option<RedisConfig>,
    /// Who calls, and by which route. Who reviews is under `admin`.
    pub identity: IdentityConfig,
    /// How long what has ended can still be listed.
    pub retention: Span<{ 7 * 24 * 3600 }>,
    /// How many approvals may be open at a time.
    pub limits: LimitsConfig,
    /// How the audit is signed, kept and shipped.
    pub audit: AuditConfig,
    /// Who may approve at once, whatever the rule wants; without it, nobody.
    pub break_glass: Option<BreakGlassConfig>,
    /// How a replica leaves.
    pub shutdown: ShutdownConfig,
    /// Which calls pass, are denied or are held.
    pub policy: PolicyConfig,
}

/// Who may approve at once, whatever the rule wants.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakGlassConfig {
    /// The group.
    pub group: String,
}

/// Why a configuration is not one to start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not a configuration.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A setting has a value that makes no sense.
    #[error("{}:{line}: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong and what would be right.
        reason: String,
    },
}

/// A setting that makes no sense, and the line where it stands (0 where it is a default).
#[derive(Debug)]
pub(crate) struct Invalid {
    pub line: u64,
    pub reason: String,
}

/// A configuration that was read and checked.
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The compiled policy.
    pub policy: Policy,
    /// The digest of the policy, for the audit.
    pub digest: Sha256Hex,
    /// The digest of all settings but `redis`, which may hold a password.
    pub settings: Sha256Hex,
}

impl Config {
    /// Reads and checks a file.
    pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::read(&text, path)
    }

    /// Reads and checks a text; `path` is named in errors.
    pub fn read(text: &str, path: &Path) -> Result<Loaded, ConfigError> {
        // An empty document is "null" in YAML, and here a configuration in which nothing is set.
        let config: Option<Self> = serde_saphyr::from_str(text)
            .map_err(|error| ConfigError::Malformed { path: path.to_owned(), reason: error.to_string() })?;
        let config = config.unwrap_or_default();
        let invalid =
            |Invalid { line, reason }: Invalid| ConfigError::Invalid { path: path.to_owned(), line, reason };
        config.admin.check().map_err(invalid)?;
        config.audit.check().map_err(invalid)?;
        let policy = config.policy.compile().map_err(invalid)?;
        let mut settings: serde_json::Value = serde_saphyr::from_str(text).unwrap_or_default();
        if let Some(settings) = settings.as_object_mut() {
            settings.remove("redis");
        }
        let digest = digest_of(settings.get("policy").unwrap_or(&serde_json::Value::Null));
        Ok(Loaded { config, policy, digest, settings: digest_of(&settings) })
    }

    /// What is valid and may still be meant otherwise, or is dangerous.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.policy.warnings();
        if self.identity.caller.iter().any(|source| matches!(source, Source::Header(_))) {
            let warning =
                "identity.caller believes a header: the gateway has to set it or remove what clients send";
            warnings.push(warning.to_owned());
        }
        if self.shutdown.parked == LeaveParked::Unavailable {
            let warning = "shutdown.parked: unavailable opens the gate where the gateway lets requests through on errors \
                           (failure_mode_allow, failOpen)";
            warnings.push(warning.to_owned());
        }
        for name in ["authorization", "cookie", "mcp-session-id", "x-api-key"] {
            if self.ext_authz.keep_headers.iter().any(|kept| kept.eq_ignore_ascii_case(name)) {
                warnings
                    .push(format!("ext_authz.keep_headers keeps {name:?}: reviewers will see that secret"));
            }
        }
        warnings
    }
}

/// The SHA-256 of settings as canonical JSON (RFC 8785): comments and layout do not change it.
fn digest_of(settings: &serde_json::Value) -> Sha256Hex {
    Sha256Hex::of(serde_json_canonicalizer::to_string(settings).unwrap_or_default().as_bytes())
}

#[cfg(test)]
mod tests;
