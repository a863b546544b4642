//! How one JSON value differs from another, place by place.

use super::Json;

/// What stands at one place in both.
#[derive(Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// The way there: `a.b[1]`.
    pub place: String,
    /// What stood there.
    pub before: Option<&'a Json>,
    /// What stands there now.
    pub after: Option<&'a Json>,
}

/// What changes from one value to the other.
pub fn changes<'a>(before: &'a Json, after: &'a Json) -> Vec<Change<'a>> {
    let mut changes = Vec::new();
    compare(before, after, &mut String::new(), &mut changes);
    changes
}

fn compare<'a>(before: &'a Json, after: &'a Json, place: &mut String, changes: &mut Vec<Change<'a>>) {
    match (before, after) {
        _ if before == after => {}
        (Json::Object(old), Json::Object(new)) => {
            for (key, value) in old {
                within(place, &member(key), |place| match after.get(key) {
                    Some(now) => compare(value, now, place, changes),
                    None => changes.push(Change::at(place, Some(value), None)),
                });
            }
            for (key, value) in new.iter().filter(|(key, _)| before.get(key).is_none()) {
                within(place, &member(key), |place| changes.push(Change::at(place, None, Some(value))));
            }
        }
        (Json::Array(old), Json::Array(new)) => {
            for n in 0..old.len().max(new.len()) {
                within(place, &format!("[{n}]"), |place| match (old.get(n), new.get(n)) {
                    (Some(value), Some(now)) => compare(value, now, place, changes),
                    (value, now) => changes.push(Change::at(place, value, now)),
                });
            }
        }
        _ => changes.push(Change::at(place, Some(before), Some(after))),
    }
}

impl<'a> Change<'a> {
    fn at(place: &str, before: Option<&'a Json>, after: Option<&'a Json>) -> Self {
        Self { place: place.trim_start_matches('.').to_owned(), before, after }
    }
}

fn within(place: &mut String, step: &str, visit: impl FnOnce(&mut String)) {
    let length = place.len();
    place.push_str(step);
    visit(place);
    place.truncate(length);
}

fn member(key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain { format!(".{key}") } else { format!("[{}]", Json::String(key.to_owned()).text()) }
}
