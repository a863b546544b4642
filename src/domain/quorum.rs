//! How many people have to approve, and out of which groups.
//!
//! Where a rule wants some out of each of several groups, somebody in two of them counts for either, once. Nobody has to
//! be assigned for that: by Hall's theorem each wanted approval can be given to a person of its own exactly when, for
//! every choice of groups, as many people as these want together are in one of them. Those are the [`Demand`]s. They are
//! known when the call is parked, so the store only counts.

use std::fmt;

use super::decision::Membership;
use super::ids::Group;
use super::ruling::Terms;

/// The most groups that a rule may want people out of: the demands double with each.
pub const MOST_SHARES: usize = 6;

/// So many of those who approve have to be members of this group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The group.
    pub group: Group,
    /// How many; at least one.
    pub people: u8,
}

/// So many people out of any of these groups have to approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// How many.
    pub people: usize,
    groups: Vec<Group>,
}

/// For which of a rule's demands an approval counts, in their order. Where there is one demand only, every approval does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Marks(Vec<bool>);

impl Marks {
    fn count_for(&self, demand: usize, of: usize) -> bool {
        of == 1 || self.0.get(demand) == Some(&true)
    }
}

/// A digit each: 1 where it counts.
impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|counts| f.write_str(if *counts { "1" } else { "0" }))
    }
}

/// Reads the digits back; whatever else there is counts for nothing.
impl From<&str> for Marks {
    fn from(digits: &str) -> Self {
        Self(digits.bytes().map(|digit| digit == b'1').collect())
    }
}

impl Terms {
    /// What the approvals have to meet, all of it.
    pub fn demands(&self) -> Vec<Demand> {
        if self.shares.is_empty() {
            return vec![Demand { people: usize::from(self.approvals), groups: self.reviewers.clone() }];
        }
        let chosen = |choice: usize| {
            let chosen = self.shares.iter().enumerate().filter(move |(n, _)| choice >> n & 1 == 1);
            chosen.map(|(_, share)| share)
        };
        (1..1 << self.shares.len())
            .map(|choice| Demand {
                people: chosen(choice).map(|share| usize::from(share.people)).sum(),
                groups: chosen(choice).map(|share| share.group.clone()).collect(),
            })
            .collect()
    }

    /// For which demands the approval of somebody with these groups counts.
    pub fn marks(&self, membership: &Membership) -> Marks {
        match self.demands().as_slice() {
            [_] => Marks::default(),
            demands => Marks(demands.iter().map(|demand| membership.overlaps(&demand.groups)).collect()),
        }
    }

    /// How many more people have to approve, beside those whose approvals have these marks.
    pub fn missing<'a>(&self, approvals: impl Iterator<Item = &'a Marks> + Clone) -> usize {
        let demands = self.demands();
        let lacks = |(n, demand): (usize, &Demand)| {
            let given = approvals.clone().filter(|marks| marks.count_for(n, demands.len())).count();
            demand.people.saturating_sub(given)
        };
        demands.iter().enumerate().map(lacks).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample;

    fn groups(names: &str) -> Vec<Group> {
        names.split_whitespace().map(|name| Group(name.to_owned())).collect()
    }

    fn wanting(shares: &[(&str, u8)]) -> Terms {
        let share = |(group, people): &(&str, u8)| Share { group: Group((*group).into()), people: *people };
        Terms {
            reviewers: shares.iter().map(|(group, _)| Group((*group).into())).collect(),
            approvals: shares.iter().map(|(_, people)| people).sum(),
            shares: shares.iter().map(share).collect(),
            ..sample::terms()
        }
    }

    #[test]
    fn marks_read_back() {
        let marks = wanting(&[("dba", 1), ("security", 1)]).marks(&Membership::Groups(groups("security")));
        assert_eq!(marks.to_string(), "011");
        assert_eq!(Marks::from("011"), marks);
    }

    #[test]
    fn an_approval_without_marks_counts_for_none_of_several_demands() {
        let terms = wanting(&[("dba", 1), ("security", 1)]);
        assert_eq!(terms.missing([Marks::default(), Marks::from("x1")].iter()), 2);
    }

    fn missing(terms: &Terms, people: &[&str]) -> usize {
        let marks: Vec<_> =
            people.iter().map(|names| terms.marks(&Membership::Groups(groups(names)))).collect();
        terms.missing(marks.iter())
    }

    /// By trying all ways to give each wanted approval to a person of its own.
    fn missing_by_trying(wanted: &[&Group], people: &[Vec<Group>]) -> usize {
        let Some((first, rest)) = wanted.split_first() else { return 0 };
        let with = people.iter().enumerate().filter(|(_, groups)| groups.contains(first)).map(|(n, _)| {
            let others = people.iter().enumerate().filter(|(m, _)| *m != n);
            missing_by_trying(rest, &others.map(|(_, groups)| groups.clone()).collect::<Vec<_>>())
        });
        with.chain([1 + missing_by_trying(rest, people)]).min().unwrap_or(0)
    }

    #[test]
    fn one_out_of_each_of_two_groups_takes_two_people() {
        let terms = wanting(&[("dba", 1), ("security", 1)]);
        for (people, lacks) in [
            (&[][..], 2),
            (&["dba"], 1),
            (&["dba", "dba"], 1),
            (&["dba security"], 1),
            (&["dba security", "dba"], 0),
            (&["security", "dba security"], 0),
            (&["dba security", "dba security"], 0),
            (&["other"], 2),
        ] {
            assert_eq!(missing(&terms, people), lacks, "{people:?}");
        }
    }

    #[test]
    fn a_number_alone_counts_every_vote() {
        let terms = Terms { approvals: 2, reviewers: groups("dba sre"), ..sample::terms() };
        for (people, lacks) in [(&[][..], 2), (&["dba"], 1), (&["dba", "dba"], 0), (&["", ""], 0)] {
            assert_eq!(missing(&terms, people), lacks, "{people:?}");
        }
    }

    #[test]
    fn the_demands_say_the_same_as_trying_all_ways() {
        let kinds = ["a", "b", "c", "a b", "b c", "a c", "a b c", ""];
        for shares in
            [&[("a", 1), ("b", 1), ("c", 1)][..], &[("a", 2), ("b", 1)], &[("a", 1), ("b", 2), ("c", 1)]]
        {
            let terms = wanting(shares);
            let wanted: Vec<_> =
                terms.shares.iter().flat_map(|s| std::iter::repeat_n(&s.group, s.people.into())).collect();
            for crowd in 0..kinds.len().pow(4) {
                let people: Vec<_> =
                    (0..4).map(|n| kinds[crowd / kinds.len().pow(n) % kinds.len()]).collect();
                let of: Vec<_> = people.iter().map(|names| groups(names)).collect();
                assert_eq!(
                    missing(&terms, &people),
                    missing_by_trying(&wanted, &of),
                    "{shares:?} {people:?}"
                );
            }
        }
    }
}
