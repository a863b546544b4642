//! How the figures of two runs stand to each other, and whether that means anything.

use super::Unit;

/// One figure in the rounds of two runs.
#[derive(Debug, PartialEq)]
pub struct Comparison {
    /// Median through median.
    pub ratio: f64,
    /// The least and the most that one of the rounds is against one of the other run.
    pub spread: Option<(f64, f64)>,
}

impl Comparison {
    /// Of values, one a round; none where they cannot be divided.
    pub fn of(now: &[f64], before: &[f64]) -> Option<Self> {
        let (now, before) = (Spread::of(now)?, Spread::of(before)?);
        let ratio = now.median / before.median;
        if !ratio.is_finite() {
            return None;
        }
        let several = now.rounds > 1 && before.rounds > 1;
        let spread = several.then(|| (now.least / before.most, now.most / before.least));
        Some(Self { ratio, spread })
    }

    /// What to think of it: rounds that overlap say nothing.
    pub fn verdict(&self) -> &'static str {
        match self.spread {
            None => "one round only: take more to know the noise",
            Some((least, most)) if least <= 1.0 && most >= 1.0 => "within noise",
            Some(_) if self.ratio < 1.0 => "less",
            Some(_) => "more",
        }
    }
}

/// The values of a figure in all rounds.
pub struct Spread {
    /// The least.
    pub least: f64,
    /// The one in the middle.
    pub median: f64,
    /// The most.
    pub most: f64,
    rounds: usize,
}

impl Spread {
    /// None where there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Some(Self { least, median, most, rounds: sorted.len() })
    }
}

/// A value as people read it.
pub fn written(value: f64, unit: Unit) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let space = if matches!(unit, Unit::Number | Unit::PerSecond) { "" } else { " " };
    format!("{value:.digits$}{space}{}", unit.suffix())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_that_overlap_are_noise() {
        let compared = Comparison::of(&[9.0, 10.0, 12.0], &[11.0, 12.0, 13.0]).expect("a ratio");
        assert_eq!(compared.ratio, 10.0 / 12.0);
        assert_eq!(compared.spread, Some((9.0 / 13.0, 12.0 / 11.0)));
        assert_eq!(compared.verdict(), "within noise");
    }

    #[test]
    fn rounds_that_do_not_overlap_are_a_difference() {
        let verdict = |now: &[f64]| Comparison::of(now, &[10.0, 11.0]).expect("a ratio").verdict();
        assert_eq!(verdict(&[5.0, 9.9]), "less");
        assert_eq!(verdict(&[11.1, 20.0]), "more");
    }

    #[test]
    fn one_round_has_no_noise_to_be_compared_with() {
        let compared = Comparison::of(&[10.0], &[20.0, 30.0]).expect("a ratio");
        assert_eq!((compared.ratio, compared.spread), (0.4, None));
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!(Comparison::of(&[0.0], &[0.0]), None);
        assert_eq!(Comparison::of(&[], &[1.0]), None);
    }

    #[test]
    fn numbers_have_as_many_digits_as_mean_something() {
        let all = [0.0, 0.1234, 5.678, 56.78, 5678.4].map(|value| written(value, Unit::Millis));
        assert_eq!(all, ["0 ms", "0.123 ms", "5.68 ms", "56.8 ms", "5678 ms"]);
        assert_eq!(written(8.0, Unit::Number), "8.00");
    }
}
