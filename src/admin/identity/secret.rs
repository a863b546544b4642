//! What is shown to prove something.

use std::fmt;

use uuid::Uuid;

use crate::domain::credential::TokenDigest;

/// 244 random bits that somebody keeps to themselves. It is printed only where it is handed out.
pub(in crate::admin) struct Secret(String);

impl Secret {
    /// A new one, from the operating system's random source.
    pub(in crate::admin) fn random() -> Self {
        Self::with_prefix("")
    }

    /// A new one that begins like this.
    pub(in crate::admin) fn with_prefix(prefix: &str) -> Self {
        Self(format!("{prefix}{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()))
    }

    /// What is kept of it.
    pub(in crate::admin) fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }

    /// The secret itself, to be handed out.
    pub(in crate::admin) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
