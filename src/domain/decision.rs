//! What a reviewer decides.

use jiff::Timestamp;

use super::fingerprint::Fingerprint;
use super::ids::{DecisionId, Group, Incarnation, Subject};
use super::quorum::Marks;

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

    /// The word for it, as configuration, records and API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reviewer => "reviewer",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
        }
    }

    /// The role that this word stands for.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// The roles that somebody has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// Whether this role is among them.
    pub fn contain(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Role> {
        self.0.iter().copied()
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

impl Membership {
    /// Whether one of these is among them.
    pub fn overlaps(&self, groups: &[Group]) -> bool {
        match self {
            Self::All => true,
            Self::Groups(own) => own.iter().any(|group| groups.contains(group)),
        }
    }
}

impl Vote {
    /// The word for an approval that counts at once.
    pub const BREAK_GLASS: &str = "break-glass";

    /// The word for what it does.
    pub fn word(&self) -> &'static str {
        if self.ticket.is_some() { Self::BREAK_GLASS } else { self.verdict.as_str() }
    }
}

/// What a reviewer says of one approval.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Which decision this is: sent again after an error, it counts once.
    pub id: DecisionId,
    /// Whose it is.
    pub reviewer: Reviewer,
    /// Approve or reject.
    pub verdict: Verdict,
    /// Why.
    pub reason: Option<String>,
    /// The same in one word.
    pub reason_code: Option<ReasonCode>,
    /// The ticket under which the glass is broken: the approval counts at once, whatever the rule wants.
    pub ticket: Option<String>,
    /// The call that the reviewer saw; none where the way it came has no place for it.
    pub fingerprint: Option<Fingerprint>,
    /// The life of the store that showed it to them; where they do not say, the present one.
    pub seen_in: Option<Incarnation>,
}

/// Why somebody decides as they do, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasonCode {
    /// It was checked, and is as it should be.
    Checked,
    /// Nobody needs this.
    NotNeeded,
    /// The tool is right, what it is called with is not.
    WrongArguments,
    /// It would go to the wrong place.
    WrongTarget,
    /// Not now.
    BadTime,
    /// It touches more than it has to.
    TooBroad,
    /// It is not clear why it is asked.
    Unclear,
    /// It looks like an attack.
    Suspicious,
    /// Something else.
    Other,
}

impl ReasonCode {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Checked,
        Self::NotNeeded,
        Self::WrongArguments,
        Self::WrongTarget,
        Self::BadTime,
        Self::TooBroad,
        Self::Unclear,
        Self::Suspicious,
        Self::Other,
    ];

    /// The word for it, as records and API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::NotNeeded => "not_needed",
            Self::WrongArguments => "wrong_arguments",
            Self::WrongTarget => "wrong_target",
            Self::BadTime => "bad_time",
            Self::TooBroad => "too_broad",
            Self::Unclear => "unclear",
            Self::Suspicious => "suspicious",
            Self::Other => "other",
        }
    }

    /// The reason of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == word)
    }
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
    /// For which of the rule's demands it counts.
    pub marks: Marks,
    /// Why; the agent reads it when the call is rejected.
    pub reason: Option<String>,
    /// The same in one word, for statistics.
    pub reason_code: Option<ReasonCode>,
    /// The ticket under which the glass was broken: it approved at once, whatever the rule wants.
    pub ticket: Option<String>,
    /// The call that the reviewer saw, where they said so.
    pub fingerprint: Option<Fingerprint>,
    /// The life of the store that showed it to them, where they said so.
    pub seen_in: Option<Incarnation>,
    /// When, by the store's clock.
    pub at: Timestamp,
    /// The W3C `traceparent` of the decision.
    pub trace: Option<String>,
}
