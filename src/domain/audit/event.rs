//! The kinds of things that happen.

use serde::{Deserialize, Serialize};

use crate::domain::approval::StateKind;

/// Makes the enum, and the words that entries, filters and documents use for it.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Event {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl Event {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word for it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

events! {
    /// A call was parked.
    Requested = "requested",
    /// Another attempt at the same call waits for the approval now.
    Reattached = "re-attached",
    /// The attempt that waited no longer does.
    Detached = "detached",
    /// A reviewer approved, and more have to.
    Voted = "voted",
    /// The last approval that was needed.
    Approved = "approved",
    /// A reviewer rejected the call.
    Rejected = "rejected",
    /// The call was let through.
    Released = "released",
    /// The record says that it was let through, and it was not: the caller was refused, or had left.
    Withheld = "withheld",
    /// Nobody decided in time.
    Expired = "expired",
    /// It ended without a decision that counts.
    Cancelled = "cancelled",
    /// The store failed over, and reviewers are asked again.
    AskedAgain = "asked-again",
    /// Somebody approved it past its rule.
    BrokenGlass = "broken-glass",
    /// Somebody took an approval back that was not used.
    Revoked = "revoked",
    /// Somebody keeps it open for longer.
    Extended = "extended",
    /// Something else about it changed; the cause says what.
    Changed = "changed",
    /// A reviewer opened it.
    Shown = "shown",
    /// A reviewer was told what is masked.
    Revealed = "revealed",
    /// A decision was not counted, or an act not done.
    Refused = "refused",
    /// A call was refused and nobody was asked.
    Denied = "denied",
    /// Somebody signed in: a session was opened.
    Login = "login",
    /// Somebody was not let in.
    LoginFailed = "login-failed",
    /// Somebody signed out.
    Logout = "logout",
    /// A token was made or taken away.
    TokenChanged = "token-changed",
    /// Notes were left out: there were too many, or the store did not take them.
    LeftOut = "left-out",
    /// The store has lost entries of this chain.
    Forked = "forked",
    /// A replica started with these settings.
    Started = "started",
}

impl Event {
    /// The event of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.as_str() == word)
    }

    /// What it means that a transition called `cause` brought a record to this state.
    pub fn of_transition(cause: &str, state: StateKind) -> Self {
        match (cause, state) {
            ("park", _) => Self::Requested,
            ("reconfirm", _) => Self::AskedAgain,
            ("approve", StateKind::Pending) => Self::Voted,
            ("break-glass", _) => Self::BrokenGlass,
            ("revoke", _) => Self::Revoked,
            ("extend", _) => Self::Extended,
            ("take-up", StateKind::Pending) => Self::Reattached,
            ("caller-gone" | "hold-over" | "draining", StateKind::Pending) => Self::Detached,
            // Somebody left, or came back, while it was approved: that it is approved was told before.
            ("caller-gone" | "hold-over" | "draining", StateKind::Approved) => Self::Detached,
            (_, StateKind::Pending) => Self::Changed,
            (_, StateKind::Approved) => Self::Approved,
            (_, StateKind::Rejected) => Self::Rejected,
            (_, StateKind::Released) => Self::Released,
            (_, StateKind::Expired) => Self::Expired,
            (_, StateKind::Cancelled) => Self::Cancelled,
        }
    }
}
