//! How one JSON value differs from another, as a table.

use askama::Template;
use askama::filters::HtmlSafe;

use super::arguments::tree;
use super::visible::{Markup, visible};
use crate::domain::json::{self, Json, changes};

/// More differences than this are folded.
const MANY: usize = 40;
/// Of two long texts, so many equal characters are shown on each side of what differs.
const AROUND: usize = 40;

/// All differences, as a table.
#[derive(Template)]
#[template(path = "diff.html")]
pub(super) struct Difference {
    first: Vec<Change>,
    rest: Vec<Change>,
}

/// What stands at one place in both.
struct Change {
    place: Markup,
    before: Option<Markup>,
    after: Option<Markup>,
}

impl HtmlSafe for Difference {}

impl Difference {
    /// What changes from one value to the other.
    pub(super) fn between(before: &Json, after: &Json) -> Self {
        let mut first: Vec<Change> = changes(before, after).iter().map(Change::of).collect();
        let rest = first.split_off(MANY.min(first.len()));
        Self { first, rest }
    }

    /// How many places differ.
    pub(super) fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }
}

impl Change {
    fn of(change: &json::Change) -> Self {
        let (before, after) = match (change.before, change.after) {
            (Some(Json::String(old)), Some(Json::String(new))) => {
                (Some(tell(old, new)), Some(tell(new, old)))
            }
            (before, after) => (before.map(tree), after.map(tree)),
        };
        Self { place: visible(&change.place), before, after }
    }
}

/// A text, with long parts that the other has too left out and counted.
fn tell(text: &str, other: &str) -> Markup {
    let same = |a: &mut dyn Iterator<Item = char>, b: &mut dyn Iterator<Item = char>| {
        a.zip(b).take_while(|(a, b)| a == b).count()
    };
    let (length, shorter) = (text.chars().count(), text.chars().count().min(other.chars().count()));
    let begin = same(&mut text.chars(), &mut other.chars());
    let end = same(&mut text.chars().rev(), &mut other.chars().rev()).min(shorter - begin);
    let (skip, drop) = (begin.saturating_sub(AROUND), end.saturating_sub(AROUND));
    if skip + drop < 2 * AROUND {
        return tree(&Json::String(text.to_owned()));
    }
    let part: String = text.chars().skip(skip).take(length - skip - drop).collect();
    let mut told = Markup::default();
    for (n, where_) in [(skip, "before"), (drop, "behind")] {
        if n > 0 {
            told.plain(format_args!("<span class=\"same\">{n} equal characters {where_}</span> "));
        }
    }
    told.append(tree(&Json::String(part)));
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: &str, after: &str) -> Vec<(String, Option<String>, Option<String>)> {
        let read = |text: &str| Json::read(text.as_bytes()).unwrap();
        let difference = Difference::between(&read(before), &read(after));
        assert!(difference.rest.is_empty());
        let text = |markup: &Option<Markup>| markup.as_ref().map(ToString::to_string);
        difference.first.iter().map(|c| (c.place.to_string(), text(&c.before), text(&c.after))).collect()
    }

    fn number(n: u32) -> Option<String> {
        Some(format!("<span class=\"number\">{n}</span>"))
    }

    #[test]
    fn equal_values_do_not_differ_whatever_the_order_of_their_members() {
        assert_eq!(told(r#"{"a":1,"b":[2]}"#, r#"{"b":[2],"a":1}"#), []);
    }

    #[test]
    fn each_place_is_told_with_what_stood_there_and_what_stands_there_now() {
        let found = told(r#"{"a":{"b":[1,2]},"c":1}"#, r#"{"a":{"b":[1,3,4]},"d e":5}"#);
        assert_eq!(
            found,
            [
                ("a.b[1]".to_owned(), number(2), number(3)),
                ("a.b[2]".to_owned(), None, number(4)),
                ("c".to_owned(), number(1), None),
                ("[&quot;d e&quot;]".to_owned(), None, number(5)),
            ]
        );
    }

    #[test]
    fn of_long_texts_what_is_equal_is_counted_and_what_differs_is_shown() {
        let (before, after) = (format!("{0}x{0}", "=".repeat(500)), format!("{0}yz{0}", "=".repeat(500)));
        let json = |text: &str| Json::String(text.to_owned()).text();
        let found = told(&json(&before), &json(&after));
        let after = found[0].2.as_ref().unwrap();
        assert!(after.contains("460 equal characters before") && after.contains("=yz="), "{after}");
        assert!(after.len() < 400, "{after}");
    }

    #[test]
    fn a_text_that_repeats_itself_is_not_counted_twice() {
        let json = |n: usize| Json::String("a".repeat(n)).text();
        assert_eq!(told(&json(300), &json(301)).len(), 1);
    }
}
