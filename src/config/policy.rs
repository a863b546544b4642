//! The policy as it stands in the file.

mod redact;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

pub use self::redact::RedactConfig;
use self::redact::redaction;

use super::{Invalid, Span};
use crate::domain::ids::{Group, QueueName};
use crate::domain::policy::{Expression, Policy, Rule, Unmatched};
use crate::domain::probe;
use crate::domain::quorum::{MOST_SHARES, Share};
use crate::domain::ruling::{Denial, DenialForm, Late, Reason, Ruling, Terms};

/// Ordered rules and what applies where no rule does.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// The terms of every hold whose rule does not say otherwise.
    pub defaults: TermsConfig,
    /// What applies to a request that no rule matches.
    pub unmatched: UnmatchedConfig,
    /// The rules, in order; the first that matches rules.
    pub rules: Vec<RuleConfig>,
}

/// What applies to a request that no rule matches.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UnmatchedConfig {
    /// A `tools/call` that no rule matches: `pass`, `deny` or `hold`.
    pub tool_call: Word,
    /// A method that is not known to be harmless: `pass`, `deny` or `hold`.
    pub unknown_method: Word,
    /// A `tools/call` for which a rule cannot be evaluated: `hold` or `deny`.
    pub unsure: Word,
}

impl Default for UnmatchedConfig {
    fn default() -> Self {
        Self { tool_call: Word::Hold, unknown_method: Word::Deny, unsure: Word::Hold }
    }
}

/// Pass, deny or hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// It goes on at once.
    Pass,
    /// It does not.
    Deny,
    /// A person decides.
    Hold,
}

/// One rule.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Its name, once in the file; it does not begin with `(`.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// Which calls it is about: a [CEL expression](policy.md).
    #[serde(rename = "match")]
    #[schemars(with = "String")]
    pub matches: Spanned<String>,
    /// What it says of them.
    pub ruling: Word,
    /// What the agent is told, with `deny`; with `hold`, whether who approves has to say why.
    pub reason: Option<String>,
    /// Where the call waits; this and all that follows only with `hold`.
    pub queue: Option<String>,
    /// The groups whose members may decide.
    pub reviewers: Option<Vec<String>>,
    /// How many different people have to approve.
    pub approvals: Option<ApprovalsConfig>,
    /// How long one attempt is kept waiting.
    pub hold: Option<Span<50>>,
    /// How long the approval stays open.
    pub expires: Option<Span<900>>,
    /// Whether the approval outlives the attempt.
    pub late: Option<Switch>,
    /// How long a late approval is good for.
    pub grant: Option<Span<300>>,
    /// For how long after a rejection the identical call is refused without asking again.
    pub cooldown: Option<Span<60>>,
    /// A headline for the reviewer.
    pub title: Option<String>,
    /// How much is at stake, in the operator's own words.
    pub risk: Option<String>,
    /// In which form a denial reaches the agent; also with `deny`.
    pub denial: Option<Form>,
    /// What is redacted, beside what the defaults redact.
    pub redact: Option<Vec<RedactConfig>>,
    /// Whether arguments are kept.
    pub keep_arguments: Option<bool>,
}

/// The terms of a hold.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TermsConfig {
    /// Where the call waits: 1 to 32 characters out of `a-z 0-9 -`.
    pub queue: String,
    /// The groups whose members may decide; empty means everyone who may review.
    pub reviewers: Vec<String>,
    /// How many different people have to approve, or [how many out of which group](policy.md#who-has-to-approve). One
    /// rejection is enough to reject.
    pub approvals: ApprovalsConfig,
    /// Whether who approves has to say why. Who rejects always has to.
    pub reason: ReasonConfig,
    /// How long one attempt is kept waiting. A gateway's deadline that comes sooner wins.
    pub hold: Span<50>,
    /// How long the approval stays open; not shorter than `hold`, unless `late` is off.
    pub expires: Span<900>,
    /// Whether the approval outlives the attempt.
    pub late: Switch,
    /// How long an approval that was given is good for.
    pub grant: Span<300>,
    /// For how long after a rejection the identical call is refused, with the same reason, without asking again.
    pub cooldown: Span<60>,
    /// In which form a denial reaches the agent.
    pub denial: Form,
    /// [What is redacted](audit.md#redaction) before anything is stored; a rule adds to it.
    pub redact: Vec<RedactConfig>,
    /// Whether arguments are kept at all.
    pub keep_arguments: bool,
}

impl Default for TermsConfig {
    fn default() -> Self {
        Self {
            queue: "default".to_owned(),
            reviewers: Vec::new(),
            approvals: ApprovalsConfig::Number(1),
            reason: ReasonConfig::Optional,
            hold: Span::default(),
            expires: Span::default(),
            late: Switch::On,
            grant: Span::default(),
            cooldown: Span::default(),
            denial: Form::Result,
            redact: Vec::new(),
            keep_arguments: true,
        }
    }
}

/// How many different people have to approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a number from 1 to 255, or such a number for each of several groups")]
pub enum ApprovalsConfig {
    /// So many of the reviewers.
    Number(u8),
    /// So many out of each of these groups.
    OutOf(BTreeMap<String, u8>),
}

/// Whether who approves has to say why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReasonConfig {
    /// They may.
    Optional,
    /// They have to.
    Required,
}

impl From<ReasonConfig> for Reason {
    fn from(reason: ReasonConfig) -> Self {
        match reason {
            ReasonConfig::Optional => Self::Optional,
            ReasonConfig::Required => Self::Required,
        }
    }
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// On.
    #[serde(alias = "true")]
    On,
    /// Off.
    #[serde(alias = "false")]
    Off,
}

/// The form of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A tool result with `isError: true`.
    Result,
    /// A JSON-RPC error.
    Error,
    /// A plain HTTP 403.
    Http403,
}

impl From<Form> for DenialForm {
    fn from(form: Form) -> Self {
        match form {
            Form::Result => Self::Result,
            Form::Error => Self::Error,
            Form::Http403 => Self::Http403,
        }
    }
}

/// Most MCP clients give up after this.
const CLIENTS_GIVE_UP: Duration = Duration::from_secs(60);

impl PolicyConfig {
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.unmatched.tool_call == Word::Pass {
            warnings
                .push("policy.unmatched.tool_call: every tool that no rule names runs unasked".to_owned());
        }
        if self.unmatched.unknown_method == Word::Pass {
            warnings.push(
                "policy.unmatched.unknown_method: methods that run server code pass unasked".to_owned(),
            );
        }
        if let Some(at) = self.rules.iter().position(|rule| rule.matches.value.trim() == "true") {
            for rule in &self.rules[at + 1..] {
                let (name, earlier) = (&rule.name.value, &self.rules[at].name.value);
                warnings.push(format!("rule {name:?} is never reached: {earlier:?} matches everything"));
            }
        }
        let defaults = ("policy.defaults".to_owned(), self.defaults.hold.get());
        let rules = self
            .rules
            .iter()
            .filter_map(|rule| Some((format!("rule {:?}", rule.name.value), rule.hold?.get())));
        for (whose, hold) in
            std::iter::once(defaults).chain(rules).filter(|(_, hold)| *hold > CLIENTS_GIVE_UP)
        {
            warnings.push(format!(
                "{whose}: many MCP clients give up after 60s; held for {hold:?}, a call may run when nobody reads its result"
            ));
        }
        warnings
    }

    pub(super) fn compile(&self) -> Result<Policy, Invalid> {
        let mut names = HashSet::new();
        let mut rules = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            let name = &rule.name.value;
            let line = rule.name.referenced.line();
            let wrong = |reason: String| Invalid { line, reason: format!("rule {name:?}: {reason}") };
            if name.trim().is_empty() || name.starts_with('(') {
                return Err(wrong("it needs a name, and one that does not begin with '('".to_owned()));
            }
            if !names.insert(name) {
                return Err(wrong("the name is there twice".to_owned()));
            }
            let expression = Expression::compile(&rule.matches.value).map_err(|error| Invalid {
                line: rule.matches.referenced.line(),
                reason: format!("rule {name:?}: {error}"),
            })?;
            let ruling = self.ruling(rule).map_err(wrong)?;
            rules.push(Rule { name: name.clone(), expression, ruling });
        }
        Ok(Policy::new(rules, self.unmatched()?))
    }

    fn ruling(&self, rule: &RuleConfig) -> Result<Ruling, String> {
        let has_terms = rule.queue.is_some()
            || rule.reviewers.is_some()
            || rule.approvals.is_some()
            || rule.hold.is_some()
            || rule.expires.is_some()
            || rule.late.is_some()
            || rule.grant.is_some()
            || rule.cooldown.is_some()
            || rule.title.is_some()
            || rule.risk.is_some()
            || rule.redact.is_some()
            || rule.keep_arguments.is_some();
        if has_terms && rule.ruling != Word::Hold {
            return Err("queue, reviewers and the other terms of a hold go with `ruling: hold`".to_owned());
        }
        match (rule.ruling, &rule.reason) {
            (Word::Deny, Some(reason)) => Ok(Ruling::Deny(Denial {
                rule: rule.name.value.clone(),
                reason: reason.clone(),
                form: rule.denial.unwrap_or(self.defaults.denial).into(),
            })),
            (Word::Deny, None) => Err("`ruling: deny` needs a `reason` that tells the agent why".to_owned()),
            (Word::Pass, Some(_)) => Err("`reason` goes with `ruling: deny` or `hold`".to_owned()),
            (Word::Pass, None) if rule.denial.is_some() => {
                Err("`denial` goes with `ruling: hold` or `deny`".to_owned())
            }
            (Word::Pass, None) => Ok(Ruling::Pass),
            (Word::Hold, _) => Ok(Ruling::Hold(self.terms(&rule.name.value, Some(rule))?)),
        }
    }

    fn terms(&self, name: &str, rule: Option<&RuleConfig>) -> Result<Terms, String> {
        let defaults = &self.defaults;
        let set = |get: fn(&RuleConfig) -> Option<Duration>, default: Duration| {
            rule.and_then(get).unwrap_or(default)
        };
        let grant = set(|r| r.grant.map(Span::get), defaults.grant.get());
        let (reviewers, approvals, shares) = self.quorum(rule)?;
        let terms = Terms {
            rule: name.to_owned(),
            queue: rule
                .and_then(|r| r.queue.as_deref())
                .unwrap_or(&defaults.queue)
                .parse::<QueueName>()
                .map_err(|error| error.to_string())
                .and_then(not_reserved)?,
            reviewers,
            approvals,
            shares,
            reason: match rule.and_then(|r| r.reason.as_deref()) {
                None => defaults.reason.into(),
                Some("required") => Reason::Required,
                Some("optional") => Reason::Optional,
                Some(other) => {
                    return Err(format!("`reason` of a hold is required or optional, not {other:?}"));
                }
            },
            hold: set(|r| r.hold.map(Span::get), defaults.hold.get()),
            expires: set(|r| r.expires.map(Span::get), defaults.expires.get()),
            late: match rule.and_then(|r| r.late).unwrap_or(defaults.late) {
                Switch::On => Late::On { grant },
                Switch::Off => Late::Off,
            },
            cooldown: set(|r| r.cooldown.map(Span::get), defaults.cooldown.get()),
            title: rule.and_then(|r| r.title.clone()),
            risk: rule.and_then(|r| r.risk.clone()),
            form: rule.and_then(|r| r.denial).unwrap_or(defaults.denial).into(),
            redaction: Arc::new(redaction(defaults, rule)?),
        };
        if terms.hold > terms.expires && matches!(terms.late, Late::On { .. }) {
            return Err(
                "`hold` is longer than `expires`: the approval would end while the call waits".to_owned()
            );
        }
        Ok(terms)
    }

    /// Who may decide, how many have to approve, and how many of them out of which group.
    fn quorum(&self, rule: Option<&RuleConfig>) -> Result<(Vec<Group>, u8, Vec<Share>), String> {
        let own = rule.and_then(|r| r.approvals.as_ref());
        let own_reviewers = rule.and_then(|r| r.reviewers.as_ref());
        let groups = |names: &[String]| names.iter().cloned().map(Group).collect();
        match own.unwrap_or(&self.defaults.approvals) {
            ApprovalsConfig::Number(0) => Err("`approvals` has to be at least 1".to_owned()),
            ApprovalsConfig::Number(people) => {
                Ok((groups(own_reviewers.unwrap_or(&self.defaults.reviewers)), *people, Vec::new()))
            }
            ApprovalsConfig::OutOf(_) if own_reviewers.is_some() => {
                Err("`approvals` names the groups that decide: leave `reviewers` out".to_owned())
            }
            ApprovalsConfig::OutOf(people) if people.is_empty() || people.values().any(|n| *n == 0) => {
                Err("`approvals` has to be at least 1 out of each group".to_owned())
            }
            ApprovalsConfig::OutOf(people) if people.len() > MOST_SHARES => {
                Err(format!("`approvals` names at most {MOST_SHARES} groups"))
            }
            ApprovalsConfig::OutOf(people) => {
                let all = people.values().try_fold(0u8, |sum, n| sum.checked_add(*n));
                let all = all.ok_or("`approvals` asks for more than 255 people")?;
                let share = |(group, n): (&String, &u8)| Share { group: Group(group.clone()), people: *n };
                let shares: Vec<_> = people.iter().map(share).collect();
                Ok((shares.iter().map(|share| share.group.clone()).collect(), all, shares))
            }
        }
    }

    fn unmatched(&self) -> Result<Unmatched, Invalid> {
        let invalid = |reason| Invalid { line: 0, reason: format!("policy.defaults: {reason}") };
        let ruling = |word: Word, name: &str, reason: &str| match word {
            Word::Pass => Ok(Ruling::Pass),
            Word::Deny => Ok(Ruling::Deny(Denial {
                rule: name.to_owned(),
                reason: reason.to_owned(),
                form: self.defaults.denial.into(),
            })),
            Word::Hold => self.terms(name, None).map(Ruling::Hold).map_err(invalid),
        };
        if self.unmatched.unsure == Word::Pass {
            let reason =
                "policy.unmatched.unsure: has to be hold or deny: what is unsure never passes".to_owned();
            return Err(Invalid { line: 0, reason });
        }
        Ok(Unmatched {
            tool_call: ruling(self.unmatched.tool_call, "(no rule)", "no rule allows this tool")?,
            unknown: ruling(
                self.unmatched.unknown_method,
                "(unknown method)",
                "this method is not allowed here",
            )?,
            unsure: ruling(
                self.unmatched.unsure,
                "(unsure)",
                "the gate could not evaluate its policy for this call",
            )?,
            redaction: redaction(&self.defaults, None).map_err(invalid)?,
        })
    }
}
/// What waits where probes wait can never be approved.
fn not_reserved(queue: QueueName) -> Result<QueueName, String> {
    if probe::is_queue(&queue) { Err(format!("the queue {queue} is reserved for probes")) } else { Ok(queue) }
}
