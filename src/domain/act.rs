//! What people do to an approval beside deciding.

use std::time::Duration;

use jiff::Timestamp;

use super::audit::Detail;
use super::ids::{DecisionId, Incarnation, Subject};

/// What somebody does to an approval beside deciding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Which act this is: sent again, it is done once.
    pub id: DecisionId,
    /// Whose it is.
    pub by: Subject,
    /// How they proved who they are.
    pub proof: Option<String>,
    /// What is done.
    pub verb: Verb,
    /// Why.
    pub reason: Option<String>,
    /// The life of the store that showed it to them, where they said so.
    pub seen_in: Option<Incarnation>,
    /// When, by the store's clock.
    pub at: Timestamp,
}

impl Act {
    /// What the audit tells of it beside who, when and to what.
    pub fn detail(&self) -> Detail {
        let by = match self.verb {
            Verb::Extend { by, .. } => Some(by.as_secs().into()),
            Verb::Cancel | Verb::Revoke => None,
        };
        let text = |text: &Option<String>| text.clone().map(Into::into);
        let told =
            [("proof", text(&self.proof)), ("reason", text(&self.reason)), ("extended_by_seconds", by)];
        told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// What is done to an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// What is pending ends.
    Cancel,
    /// What is approved, and not yet released, is approved no longer, and ends.
    Revoke,
    /// What is pending stays so for longer.
    Extend {
        /// For how much longer.
        by: Duration,
        /// For how long it may be open in all.
        longest: Duration,
    },
}

impl Verb {
    /// The words for all of them.
    pub const WORDS: [&'static str; 3] = ["cancel", "revoke", "extend"];

    /// The word for it, as audit and API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Revoke => "revoke",
            Self::Extend { .. } => "extend",
        }
    }
}

/// Why an act is not done. The record stands as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActRefused {
    /// It is not, or no longer, in the state that the act takes.
    #[error("the approval is in another state")]
    WrongState,
    /// It would be open for longer than anything may.
    #[error("it would be open for too long")]
    TooLong,
    /// It was meant for what another life of the store showed.
    #[error("this was meant for what another life of the store showed")]
    Void,
}
