//! Ordered rules that say which calls pass, which are denied and which a person decides.

mod expression;

use std::sync::Arc;

use cel::Env;

use self::expression::Variables;
pub use self::expression::{About, Expression, InvalidExpression};
use super::call::Call;
use super::message::{Asked, Message};
use super::redaction::Redaction;
use super::ruling::{Denial, DenialForm, Ruling, Terms};

/// Ordered rules; the first that matches rules.
pub struct Policy {
    rules: Vec<Rule>,
    unmatched: Unmatched,
    env: Arc<Env>,
    /// Headers are only copied where a rule looks at one.
    reads_headers: bool,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, for logs, records and reviewers.
    pub name: String,
    /// Which calls it is about.
    pub expression: Expression,
    /// What it says of them.
    pub ruling: Ruling,
}

/// What applies where no rule does.
#[derive(Debug, Clone)]
pub struct Unmatched {
    /// To a `tools/call`: hold or deny.
    pub tool_call: Ruling,
    /// To a method that is not known to be harmless.
    pub unknown: Ruling,
    /// To a `tools/call` for which a rule could not be evaluated: hold or deny.
    pub unsure: Ruling,
    /// What is redacted of a request that nobody is asked about, where it is noted.
    pub redaction: Redaction,
}

/// A ruling and what led to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruled {
    /// What is to be done.
    pub ruling: Ruling,
    /// Why.
    pub because: Because,
}

/// What led to a ruling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// This rule matched.
    Rule(String),
    /// No rule matched a `tools/call`.
    NoRule,
    /// No rule matched, and the method reads or negotiates only.
    Harmless,
    /// No rule matched, and the method is none that is known to be harmless.
    Unknown,
    /// This rule could not be evaluated, for this reason.
    Unsure {
        /// The rule.
        rule: String,
        /// What went wrong.
        error: String,
    },
}

impl Policy {
    /// A policy of these rules, in this order.
    pub fn new(rules: Vec<Rule>, unmatched: Unmatched) -> Self {
        let reads_headers = rules.iter().any(|rule| rule.expression.reads_headers());
        Self { rules, unmatched, env: Arc::new(Env::stdlib()), reads_headers }
    }

    /// Says what is to be done with a call.
    ///
    /// An expression that cannot be evaluated for a call never lets it pass, also where a later rule would, and never
    /// weakens what it asks for: a rule that holds or denies does so when in doubt, and one that passes only leaves the
    /// call to the rules behind it.
    pub fn rule(&self, call: &Call, asked: &Asked) -> Ruled {
        let message = match asked {
            Asked::Message(message) => Some(message),
            Asked::Nothing | Asked::Response => None,
        };
        let (mut variables, mut doubt) = (None, None);
        for rule in self.rules.iter().filter(|rule| rule.expression.about().applies_to(message)) {
            let variables =
                variables.get_or_insert_with(|| Variables::of(call, message, &self.env, self.reads_headers));
            match rule.expression.matches(variables) {
                Ok(true) => {
                    let because = Because::Rule(rule.name.clone());
                    return self.settled(rule.ruling.clone(), because, doubt, message);
                }
                Ok(false) => {}
                Err(error) => {
                    let because = Because::Unsure { rule: rule.name.clone(), error };
                    match (&rule.ruling, &self.unmatched.unsure) {
                        (Ruling::Pass, Ruling::Hold(_)) => doubt = doubt.or(Some(because)),
                        (Ruling::Hold(_), Ruling::Hold(_)) if is_tool_call(message) => {
                            return Ruled { ruling: rule.ruling.clone(), because };
                        }
                        (Ruling::Deny(_), _) => return Ruled { ruling: rule.ruling.clone(), because },
                        _ => return self.unsure(because, message),
                    }
                }
            }
        }
        let (ruling, because) = match message {
            None => (Ruling::Pass, Because::Harmless),
            Some(Message { tool: Some(_), .. }) => (self.unmatched.tool_call.clone(), Because::NoRule),
            Some(message) if harmless(&message.method) => (Ruling::Pass, Because::Harmless),
            Some(_) => (self.unmatched.unknown.clone(), Because::Unknown),
        };
        self.settled(ruling, because, doubt, message)
    }

    /// What rules in the end: what passes in spite of a doubt does not.
    fn settled(
        &self,
        ruling: Ruling,
        because: Because,
        doubt: Option<Because>,
        message: Option<&Message>,
    ) -> Ruled {
        match (ruling, doubt) {
            (Ruling::Pass, Some(doubt)) => self.unsure(doubt, message),
            (ruling, _) => Ruled { ruling, because },
        }
    }

    fn unsure(&self, because: Because, message: Option<&Message>) -> Ruled {
        let ruling = if is_tool_call(message) { self.unmatched.unsure.clone() } else { not_a_call() };
        Ruled { ruling, because }
    }

    /// What is redacted of a request that no rule holds.
    pub fn redaction(&self) -> &Redaction {
        &self.unmatched.redaction
    }

    /// The terms of every rule that holds, and of what applies where no rule does.
    pub fn terms(&self) -> impl Iterator<Item = &Terms> {
        let unmatched = [&self.unmatched.tool_call, &self.unmatched.unknown, &self.unmatched.unsure];
        self.rules.iter().map(|rule| &rule.ruling).chain(unmatched).filter_map(|ruling| match ruling {
            Ruling::Hold(terms) => Some(terms),
            Ruling::Pass | Ruling::Deny(_) => None,
        })
    }
}

/// Methods that read, negotiate or notify, and run no tool (MCP 2024-11-05 to 2026-07-28).
fn harmless(method: &str) -> bool {
    matches!(method, "initialize" | "ping" | "server/discover" | "logging/setLevel")
        || method.ends_with("/list")
        || method.starts_with("notifications/")
}

fn is_tool_call(message: Option<&Message>) -> bool {
    message.is_some_and(|message| message.tool.is_some())
}

/// Nothing but a `tools/call` can be held sensibly when in doubt: a held `initialize` would stall the session.
fn not_a_call() -> Ruling {
    Ruling::Deny(Denial {
        rule: "(unsure)".to_owned(),
        reason: "the gate could not evaluate its policy for this request".to_owned(),
        form: DenialForm::Error,
    })
}

#[cfg(test)]
mod tests;
