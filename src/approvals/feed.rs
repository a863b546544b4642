//! What changed lately, by number: whoever watched and lost the connection goes on where it broke.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

use super::Change;
use crate::domain::ids::ReplicaId;

/// So many changes are kept: some seconds of a crowd, so that whoever loses the connection then goes on.
const LENGTH: usize = 8192;

/// A place in the feed of one replica: behind so many changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    replica: ReplicaId,
    number: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.replica, self.number)
    }
}

/// A text that is not a place.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a place in the feed of changes")]
pub struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (replica, number) = text.split_once('-').ok_or(NoPlace)?;
        Ok(Self {
            replica: replica.parse().map_err(|_| NoPlace)?,
            number: number.parse().map_err(|_| NoPlace)?,
        })
    }
}

/// What changed lately.
#[derive(Default)]
pub(super) struct Feed(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    changes: VecDeque<Change>,
    /// How many there were before those.
    before: u64,
}

impl Kept {
    fn end(&self) -> u64 {
        self.before + self.changes.len() as u64
    }
}

impl Feed {
    pub(super) fn push(&self, change: Change) {
        let mut kept = self.0.lock().expect("nothing panics while the feed is locked");
        kept.changes.push_back(change);
        if kept.changes.len() > LENGTH {
            kept.changes.pop_front();
            kept.before += 1;
        }
    }

    /// The place behind all changes.
    pub(super) fn end(&self, replica: ReplicaId) -> Place {
        let kept = self.0.lock().expect("nothing panics while the feed is locked");
        Place { replica, number: kept.end() }
    }

    /// What changed behind a place, each record once, and the place behind that. A place that is not in the feed has
    /// missed anything.
    pub(super) fn since(&self, place: &Place, replica: ReplicaId) -> (Vec<Change>, Place) {
        let kept = self.0.lock().expect("nothing panics while the feed is locked");
        let end = Place { replica, number: kept.end() };
        if place.replica != replica || !(kept.before..=kept.end()).contains(&place.number) {
            return (vec![Change::Anything], end);
        }
        let passed_over = usize::try_from(place.number - kept.before).unwrap_or(usize::MAX);
        let mut known = HashSet::new();
        let behind = kept.changes.iter().skip(passed_over);
        (behind.filter(|change| known.insert(*change)).cloned().collect(), end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ApprovalId;
    use jiff::Timestamp;

    fn record() -> Change {
        Change::Record(ApprovalId::new("dba".parse().unwrap(), Timestamp::now()))
    }

    #[test]
    fn each_change_behind_a_place_is_told_once() {
        let (feed, replica) = (Feed::default(), ReplicaId::random());
        let (one, other) = (record(), record());
        feed.push(one.clone());
        let place = feed.end(replica);
        assert_eq!(feed.since(&place, replica), (vec![], place));
        for change in [&one, &other, &one] {
            feed.push(change.clone());
        }
        let (changes, end) = feed.since(&place, replica);
        assert_eq!(changes, [one, other]);
        assert_eq!(feed.since(&end, replica), (vec![], end));
        assert_eq!(end.to_string().parse(), Ok(end));
    }

    #[test]
    fn whoever_was_away_for_too_long_or_elsewhere_has_missed_anything() {
        let (feed, replica) = (Feed::default(), ReplicaId::random());
        let place = feed.end(replica);
        let anything = vec![Change::Anything];
        assert_eq!(feed.since(&place, ReplicaId::random()).0, anything);
        (0..=LENGTH).for_each(|_| feed.push(record()));
        assert_eq!(feed.since(&place, replica).0, anything);
        let future = Place { replica, number: 1 << 40 };
        assert_eq!(feed.since(&future, replica).0, anything);
    }
}
