//! What a reviewer decides.

use jiff::Timestamp;

use super::fingerprint::Fingerprint;
use super::ids::{DecisionId, Group, Incarnation, Subject};

/// Approve or reject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The call may run.
    Approve,
    /// It may not.
    Reject,
}

impl Verdict {
    /// The word for it, as records and API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

/// A person who decides, as the admin side has authenticated them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewer {
    /// Who.
    pub subject: Subject,
    /// For which groups they may decide.
    pub groups: Membership,
    /// What they may do beside looking.
    pub roles: Roles,
    /// How they were authenticated, as the audit tells it: `token ci-bot`, `oidc https://issuer`.
    pub proof: String,
}

/// What somebody may do on the admin side. Whoever is authenticated may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Decide, as far as the rule's groups allow.
    Reviewer,
    /// Tokens and settings.
    Operator,
    /// Read the audit.
    Auditor,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reviewer, Self::Operator, Self::Auditor];
}

/// The roles that somebody has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// Whether this role is among them.
    pub fn contain(&self, role: Role) -> bool {
        self.0.contains(&role)
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().collect())
    }
}

/// The groups that a reviewer belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// Every group: the reviewer of an installation that names none.
    All,
    /// These.
    Groups(Vec<Group>),
}

/// One reviewer's vote on one approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// The decision that this is, however often it was sent.
    pub decision: DecisionId,
    /// Whose it is.
    pub reviewer: Subject,
    /// How the reviewer was authenticated; see [`Reviewer::proof`].
    pub proof: Option<String>,
    /// Which way.
    pub verdict: Verdict,
    /// Why; the agent reads it when the call is rejected.
    pub reason: Option<String>,
    /// The call that the reviewer saw, where they said so.
    pub fingerprint: Option<Fingerprint>,
    /// The life of the store that showed it to them, where they said so.
    pub seen_in: Option<Incarnation>,
    /// When, by the store's clock.
    pub at: Timestamp,
}
