//! The parameters of a list.

use jiff::Timestamp;

use super::MAX_PAGE;
use crate::domain::approval::StateKind;
use crate::domain::ids::{Group, Subject};
use crate::store::{Cursor, Filter, Order, Query};

/// So many records, where nobody says how many.
const PAGE: usize = 50;

/// Reads the parameters. The error names the one that is wrong.
pub(in crate::admin) fn read(parameters: &[(String, String)]) -> Result<Query, String> {
    let mut query = Query {
        states: Vec::new(),
        filter: Filter::default(),
        order: Order::OldestFirst,
        after: None,
        limit: PAGE,
    };
    let mut seen = Vec::new();
    for (name, value) in parameters {
        if name != "state" && seen.contains(&name) {
            return Err(format!("{name} is there twice"));
        }
        seen.push(name);
        let bad = |wanted: &str| format!("{name}: {wanted}, not {value:?}");
        match name.as_str() {
            "state" if value == "all" => query.states.extend(StateKind::ALL),
            "state" => query.states.push(StateKind::from_word(value).ok_or_else(|| {
                bad("one of all, pending, approved, released, rejected, expired, cancelled")
            })?),
            "queue" => query.filter.queue = Some(value.parse().map_err(|error| format!("{name}: {error}"))?),
            "tool" => query.filter.tool = Some(value.clone()),
            "route" => query.filter.route = Some(value.clone()),
            "caller" => query.filter.caller = Some(Subject(value.clone())),
            "fingerprint" => {
                query.filter.fingerprint = Some(value.parse().map_err(|error| format!("{name}: {error}"))?);
            }
            "group" => query.filter.group = Some(Group(value.clone())),
            "q" => query.filter.text = Some(value.clone()),
            "created_after" => {
                query.filter.created_after = Some(value.parse().map_err(|_| bad("an RFC 3339 time"))?);
            }
            "order" => {
                query.order = match value.as_str() {
                    "oldest" => Order::OldestFirst,
                    "newest" => Order::NewestFirst,
                    _ => return Err(bad("oldest or newest")),
                };
            }
            "page_size" => {
                let size = value.parse().ok().filter(|size| (1..=MAX_PAGE).contains(size));
                query.limit = size.ok_or_else(|| bad(&format!("a number from 1 to {MAX_PAGE}")))?;
            }
            "page_token" => {
                query.after = Some(place(value).ok_or_else(|| bad("a token from the page before"))?)
            }
            _ => return Err(format!("there is no parameter {name}")),
        }
    }
    if query.states.is_empty() {
        query.states.push(StateKind::Pending);
    }
    Ok(query)
}

/// A place in a list, in a form that invites nobody to make one up.
pub(in crate::admin) fn token(place: &Cursor) -> String {
    hex::encode(format!("{} {}", place.created_at, place.id))
}

fn place(token: &str) -> Option<Cursor> {
    let text = String::from_utf8(hex::decode(token).ok()?).ok()?;
    let (created_at, id) = text.split_once(' ')?;
    Some(Cursor { created_at: created_at.parse::<Timestamp>().ok()?, id: id.parse().ok()? })
}
