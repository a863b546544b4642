//! What was asked and decided before a call, for whoever decides it.

use super::{Sheet, standing};
use crate::cli::client::{Approval, Precedents};
use crate::cli::render::text::beginning;
use crate::domain::json::{Json, changes};

/// How much of a value that differs a line shows.
const VALUE: usize = 120;

/// What came before, and how the call differs from what was approved last.
pub fn before(a: &Approval, known: &Precedents) -> String {
    let mut sheet = Sheet("\n".to_owned());
    let times = match known.earlier {
        None => None,
        Some(0) => Some("the first call of this tool by this caller".to_owned()),
        Some(n) => Some(format!("{n} calls of this tool by this caller")),
    };
    sheet.field("before", times);
    let told = |word: &str, other: &Approval| {
        format!("the identical call, {word}: {} {}", other.id, standing(other))
    };
    sheet.field("", known.approved.as_ref().map(|other| told("approved last", other)));
    sheet.field("", known.rejected.as_ref().map(|other| told("rejected last", other)));
    if let Some(other) = &known.alike {
        let approved = format!("unlike {}, approved last {}:", other.id, standing(other));
        sheet.field("differs", Some(approved));
        let read = |a: &Approval| Json::read(a.call.arguments.get().as_bytes()).unwrap_or(Json::Null);
        let (old, new) = (read(other), read(a));
        for change in changes(&old, &new) {
            let value =
                |value: Option<&Json>| value.map_or("(nothing)".to_owned(), |v| beginning(&v.text(), VALUE));
            let (was, is) = (value(change.before), value(change.after));
            sheet.field("", Some(format!("{}: {was} -> {is}", beginning(&change.place, VALUE))));
        }
    }
    sheet.0
}
