//! What must hold for a run to succeed, as `release_p99 < 20ms`.

use std::fmt;
use std::str::FromStr;

use super::{Figure, Unit};

/// A figure and its bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Assertion {
    figure: String,
    relation: Relation,
    bound: f64,
    unit: Option<Unit>,
    text: String,
}

/// How a figure has to stand to its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
}

const RELATIONS: [(&str, Relation); 5] = [
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("<", Relation::Less),
    (">", Relation::More),
    ("=", Relation::Equal),
];

const UNITS: [Unit; 7] =
    [Unit::Micros, Unit::Millis, Unit::Seconds, Unit::KiB, Unit::MiB, Unit::PerSecond, Unit::Percent];

/// Why an assertion cannot be checked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not read as one.
    #[error("{0:?}: write it as 'release_p99 < 20ms'")]
    Unreadable(String),
    /// The scenario finds no such figure.
    #[error("no figure {0:?} here; there are {1}")]
    Unknown(String, String),
    /// Seconds of memory.
    #[error("{0} is counted in {1:?}")]
    OtherUnit(String, &'static str),
}

impl FromStr for Assertion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let (at, (sign, relation)) = RELATIONS
                .iter()
                .filter_map(|relation| Some((text.find(relation.0)?, relation)))
                // The longer one first where both begin at one place: that is their order above.
                .min_by_key(|(at, _)| *at)?;
            let (figure, bound) = (text[..at].trim(), text[at + sign.len()..].trim());
            let digits = bound.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(bound.len());
            let unit = match bound[digits..].trim() {
                "" => None,
                suffix => Some(UNITS.into_iter().find(|unit| unit.suffix() == suffix)?),
            };
            let bound = bound[..digits].parse().ok()?;
            Some(Self { figure: figure.into(), relation: *relation, bound, unit, text: text.into() })
        };
        read().ok_or_else(|| Error::Unreadable(text.to_owned()))
    }
}

impl Assertion {
    /// Whether it can be checked where these figures are found.
    pub fn fits(&self, figures: &[Figure]) -> Result<(), Error> {
        let Some(figure) = figures.iter().find(|figure| figure.name == self.figure) else {
            let names: Vec<&str> = figures.iter().map(|figure| figure.name).collect();
            return Err(Error::Unknown(self.figure.clone(), names.join(", ")));
        };
        match self.bound_in(figure.unit) {
            Some(_) => Ok(()),
            None => Err(Error::OtherUnit(self.figure.clone(), figure.unit.suffix())),
        }
    }

    /// The name of the figure that it is about.
    pub fn figure(&self) -> &str {
        &self.figure
    }

    /// Whether this value of the figure, counted in this unit, is as it should be.
    pub fn holds(&self, value: f64, unit: Unit) -> bool {
        self.bound_in(unit).is_some_and(|bound| match self.relation {
            Relation::Less => value < bound,
            Relation::AtMost => value <= bound,
            Relation::More => value > bound,
            Relation::AtLeast => value >= bound,
            Relation::Equal => value == bound,
        })
    }

    /// The bound in another unit of the same kind. Without one it is meant in that of the figure.
    fn bound_in(&self, unit: Unit) -> Option<f64> {
        let Some(own) = self.unit else { return Some(self.bound) };
        let ((kind, size), (own_kind, own_size)) = (scale(unit), scale(own));
        (kind == own_kind).then(|| self.bound * own_size / size)
    }
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A unit of each kind, and how many of those this one is.
fn scale(unit: Unit) -> (Unit, f64) {
    match unit {
        Unit::Micros => (Unit::Seconds, 1e-6),
        Unit::Millis => (Unit::Seconds, 1e-3),
        Unit::MiB => (Unit::KiB, 1024.0),
        other => (other, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CYCLES, ERRORS, RELEASE_ALL, REPLICA_MEMORY};
    use super::*;

    fn read(text: &str) -> Assertion {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn all_relations_are_read() {
        for (text, below, at, above) in [
            ("errors < 2", true, false, false),
            ("errors<=2", true, true, false),
            ("errors > 2", false, false, true),
            ("errors >=2 ", false, true, true),
            ("errors = 2", false, true, false),
        ] {
            let holds = [1.0, 2.0, 3.0].map(|value| read(text).holds(value, Unit::Number));
            assert_eq!(holds, [below, at, above], "{text}");
        }
    }

    #[test]
    fn a_bound_may_be_in_another_unit_of_its_kind() {
        assert!(read("release_all < 2000ms").holds(1.9, Unit::Seconds));
        assert!(!read("release_all < 1999 ms").holds(2.0, Unit::Seconds));
        assert!(read("x <= 1MiB").holds(1024.0, Unit::KiB));
        assert!(read("release_all < 2").holds(1.9, Unit::Seconds), "without a unit: that of the figure");
    }

    #[test]
    fn what_is_no_assertion_is_refused() {
        for text in
            ["", "release_p99", "release_p99 < ", "release_p99 < fast", "release_p99 < 20 parsecs", "x ! 3"]
        {
            assert_eq!(text.parse::<Assertion>(), Err(Error::Unreadable(text.to_owned())));
        }
    }

    #[test]
    fn unknown_figures_and_wrong_units_are_refused() {
        let figures = [ERRORS, CYCLES, REPLICA_MEMORY, RELEASE_ALL];
        let fits = |text| read(text).fits(&figures);
        assert_eq!(fits("cycles > 100/s"), Ok(()));
        assert!(matches!(fits("cycle > 100/s"), Err(Error::Unknown(name, _)) if name == "cycle"));
        assert!(matches!(fits("replica_per_call < 7ms"), Err(Error::OtherUnit(_, "KiB"))));
    }
}
