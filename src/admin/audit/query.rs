//! What an auditor looks for.

use jiff::Timestamp;

use crate::admin::Admin;
use crate::admin::error::Problem;
use crate::audit::{Cursor, Query};
use crate::domain::audit::{Chain, Event};

/// So many entries, at most and where nobody says how many.
const MAX_PAGE: usize = 500;
const PAGE: usize = 50;

/// Reads the parameters of a search. The error names the one that is wrong.
pub(super) fn read(parameters: &[(String, String)]) -> Result<Query, String> {
    let mut query = Query { limit: PAGE, ..Query::default() };
    for (n, (name, value)) in parameters.iter().enumerate() {
        if parameters[..n].iter().any(|(other, _)| other == name) {
            return Err(format!("{name} is there twice"));
        }
        let bad = |wanted: &str| format!("{name}: {wanted}, not {value:?}");
        match name.as_str() {
            "queue" => query.chain = Some(chain(value)?),
            "from" => query.from = Some(time(name, value)?),
            "until" => query.until = Some(time(name, value)?),
            "approval" => query.approval = Some(value.clone()),
            "caller" => query.caller = Some(value.clone()),
            "tool" => query.tool = Some(value.clone()),
            "reviewer" => query.reviewer = Some(value.clone()),
            "outcome" => {
                let words: Vec<_> = Event::ALL.iter().map(|event| event.as_str()).collect();
                let event = Event::from_word(value);
                query.outcome = Some(event.ok_or_else(|| bad(&format!("one of {}", words.join(", "))))?);
            }
            "trace" => query.trace = Some(value.clone()),
            "page_size" => {
                let size = value.parse().ok().filter(|size| (1..=MAX_PAGE).contains(size));
                query.limit = size.ok_or_else(|| bad(&format!("a number from 1 to {MAX_PAGE}")))?;
            }
            "page_token" => {
                query.after = Some(place(value).ok_or_else(|| bad("a token from the page before"))?);
            }
            _ => return Err(format!("there is no parameter {name}")),
        }
    }
    Ok(query)
}

/// Which lines are exported.
pub(super) struct Scope {
    /// Of these chains.
    pub(super) chains: Vec<Chain>,
    /// Written at this time or later.
    pub(super) from: Option<Timestamp>,
    /// Written before this time.
    pub(super) until: Option<Timestamp>,
    /// As a table, which is no proof.
    pub(super) csv: bool,
}

/// Reads the parameters of an export.
pub(super) async fn scope(parameters: &[(String, String)], admin: &Admin) -> Result<Scope, Problem> {
    let mut scope = Scope { chains: Vec::new(), from: None, until: None, csv: false };
    for (name, value) in parameters {
        let invalid = |wrong: String| Problem::invalid_request(wrong);
        match (name.as_str(), value.as_str()) {
            ("queue", name) => scope.chains.push(chain(name).map_err(invalid)?),
            ("from", _) => scope.from = Some(time(name, value).map_err(invalid)?),
            ("until", _) => scope.until = Some(time(name, value).map_err(invalid)?),
            ("format", "jsonl") => scope.csv = false,
            ("format", "csv") => scope.csv = true,
            ("format", _) => return Err(invalid("format: jsonl or csv".to_owned())),
            _ => return Err(invalid(format!("there is no parameter {name}"))),
        }
    }
    if scope.chains.is_empty() {
        scope.chains = admin.audit.all_chains().await?;
    }
    Ok(scope)
}

/// A place in a search, in a form that invites nobody to make one up.
pub(super) fn token(place: &Cursor) -> String {
    hex::encode(place.to_string())
}

fn place(token: &str) -> Option<Cursor> {
    String::from_utf8(hex::decode(token).ok()?).ok()?.parse().ok()
}

fn chain(name: &str) -> Result<Chain, String> {
    name.parse().map_err(|error| format!("queue: {error}"))
}

fn time(name: &str, value: &str) -> Result<Timestamp, String> {
    value.parse().map_err(|_| format!("{name}: an RFC 3339 time, not {value:?}"))
}
