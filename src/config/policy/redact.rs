//! What is redacted, as it stands in the file.

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RuleConfig, TermsConfig};
use crate::domain::redaction::{How, Pointer, Redact, Redaction, What};

/// One kind of value that is redacted: at a place, or by what it looks like.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedactConfig {
    /// A place in `params`; either this or `pattern`.
    pub pointer: Option<String>,
    /// A regular expression for texts and numbers.
    pub pattern: Option<String>,
    /// Whether it is kept nowhere, or for those who may see it and ask.
    #[serde(default)]
    pub how: HowWord,
}

/// Dropped or masked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HowWord {
    /// Kept nowhere.
    #[default]
    Drop,
    /// Kept, and told to those who may see it and ask.
    Mask,
}

/// What the defaults redact, and what the rule redacts beside that.
pub(super) fn redaction(defaults: &TermsConfig, rule: Option<&RuleConfig>) -> Result<Redaction, String> {
    let of_rule = rule.and_then(|rule| rule.redact.as_deref()).unwrap_or_default();
    let keep = rule.and_then(|rule| rule.keep_arguments).unwrap_or(defaults.keep_arguments);
    Ok(Redaction {
        values: defaults.redact.iter().chain(of_rule).map(redact).collect::<Result<_, _>>()?,
        all_arguments: !keep,
    })
}

fn redact(config: &RedactConfig) -> Result<Redact, String> {
    let what = match (&config.pointer, &config.pattern) {
        (Some(pointer), None) => What::Pointer(
            Pointer::read(pointer)
                .ok_or_else(|| format!("redact: a pointer begins with '/', not {pointer:?}"))?,
        ),
        (None, Some(pattern)) => {
            What::Pattern(Regex::new(pattern).map_err(|error| format!("redact: {pattern:?}: {error}"))?)
        }
        _ => return Err("redact: either `pointer` or `pattern`".to_owned()),
    };
    let how = if config.how == HowWord::Mask { How::Mask } else { How::Drop };
    Ok(Redact { what, how })
}
