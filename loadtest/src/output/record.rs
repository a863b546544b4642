//! Everything that a run found, as it is kept in a file.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::thread::available_parallelism;

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::figures::assertion::Assertion;
use crate::figures::comparison::Spread;
use crate::figures::{Figure, Found, Unit};
use crate::watch::Sample;

/// A point for each halving of what is left, times this.
const FINENESS: u32 = 8;

/// A run.
#[derive(Serialize, Deserialize)]
pub struct Record {
    /// How it was asked for.
    pub command: Vec<String>,
    /// On what it ran.
    pub machine: Machine,
    /// What it found.
    pub figures: Vec<Values>,
    /// Latencies by their name.
    pub curves: Vec<Curve>,
    /// What was used from moment to moment, round after round.
    pub samples: Vec<Sample>,
    /// What the curves are made of.
    #[serde(skip)]
    histograms: Vec<(&'static str, Histogram<u64>)>,
}

/// A computer.
#[derive(Serialize, Deserialize)]
pub struct Machine {
    /// What the kernel calls its processor.
    pub processor: String,
    /// How many it has.
    pub cores: usize,
}

/// A figure in all rounds.
#[derive(Serialize, Deserialize)]
pub struct Values {
    /// Its name.
    pub name: String,
    /// What it is counted in.
    pub unit: Unit,
    /// What it says.
    pub what: String,
    /// One value a round.
    pub values: Vec<f64>,
}

/// How latencies are distributed.
#[derive(Serialize, Deserialize)]
pub struct Curve {
    /// What they are of.
    pub name: String,
    /// Which share stayed within how many milliseconds.
    pub points: Vec<(f64, f64)>,
}

impl Record {
    /// An empty one, for these figures.
    pub fn new(command: impl Iterator<Item = String>, figures: &[Figure]) -> Self {
        let values = |figure: &Figure| Values {
            name: figure.name.into(),
            unit: figure.unit,
            what: figure.what.into(),
            values: Vec::new(),
        };
        Self {
            command: command.collect(),
            machine: Machine::this(),
            figures: figures.iter().map(values).collect(),
            curves: Vec::new(),
            samples: Vec::new(),
            histograms: Vec::new(),
        }
    }

    /// Adds what a round found.
    pub fn add(&mut self, found: Found, samples: Vec<Sample>) -> anyhow::Result<()> {
        for (figure, value) in found.figures {
            let of = self.figures.iter_mut().find(|values| values.name == figure.name);
            of.with_context(|| format!("{} was not announced", figure.name))?.values.push(value);
        }
        for (latency, histogram) in found.latencies {
            match self.histograms.iter_mut().find(|(name, _)| *name == latency.name) {
                Some((_, all)) => all.add(histogram)?,
                None => self.histograms.push((latency.name, histogram)),
            }
        }
        self.curves = self.histograms.iter().map(|(name, histogram)| Curve::of(name, histogram)).collect();
        let before = self.samples.last().map_or(0.0, |sample| sample.at);
        self.samples.extend(samples.into_iter().map(|sample| Sample { at: before + sample.at, ..sample }));
        Ok(())
    }

    /// One of the figures.
    pub fn figure(&self, name: &str) -> Option<&Values> {
        self.figures.iter().find(|figure| figure.name == name)
    }

    /// Whether this is so, by the median of the rounds. What was not found is not.
    pub fn holds(&self, assertion: &Assertion) -> bool {
        let Some(figure) = self.figure(assertion.figure()) else { return false };
        Spread::of(&figure.values).is_some_and(|spread| assertion.holds(spread.median, figure.unit))
    }

    /// Reads one that was written before.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let opened = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
        serde_json::from_reader(BufReader::new(opened))
            .with_context(|| format!("{} is not what --json writes", file.display()))
    }

    /// Writes it.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let created = File::create(file).with_context(|| format!("{} cannot be written", file.display()))?;
        Ok(serde_json::to_writer(BufWriter::new(created), self)?)
    }
}

impl Machine {
    fn this() -> Self {
        let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = about.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            processor: name.map_or("unknown", |(_, name)| name).to_owned(),
            cores: available_parallelism().map_or(1, usize::from),
        }
    }
}

impl Curve {
    fn of(name: &str, histogram: &Histogram<u64>) -> Self {
        let point = |at: hdrhistogram::iterators::IterationValue<u64>| {
            (at.quantile_iterated_to(), at.value_iterated_to() as f64 / 1e6)
        };
        Self { name: name.to_owned(), points: histogram.iter_quantiles(FINENESS).map(point).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{ERRORS, RELEASE, histogram};

    fn round(millis: u64, errors: f64) -> Found {
        let mut latencies = histogram().expect("bounds that are right");
        latencies.record_n(millis * 1_000_000, 10).expect("a value within bounds");
        let mut found = Found::default();
        found.latencies(RELEASE, latencies);
        found.note(ERRORS, errors);
        found
    }

    #[test]
    fn assertions_are_about_the_median_of_the_rounds() {
        let figures: Vec<Figure> = RELEASE.all().chain([ERRORS]).collect();
        let mut record = Record::new(["flow".to_owned()].into_iter(), &figures);
        for found in [round(5, 0.0), round(9, 2.0), round(500, 0.0)] {
            record.add(found, Vec::new()).expect("announced figures");
        }
        let holds = |text: &str| record.holds(&text.parse().expect("an assertion"));
        assert!(holds("release_p99 < 10ms") && !holds("release_p99 < 8ms"));
        assert!(holds("errors = 0"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let figures: Vec<Figure> = RELEASE.all().chain([ERRORS]).collect();
        let mut record = Record::new(["flow".to_owned()].into_iter(), &figures);
        record.add(round(5, 1.0), Vec::new()).expect("announced figures");
        let file = tempfile::NamedTempFile::new().expect("a file");
        record.write(file.path()).expect("it is written");
        let read = Record::read(file.path()).expect("it is read");
        assert_eq!(read.figure("errors").expect("a figure").values, [1.0]);
        assert_eq!(read.curves[0].name, "release");
        assert!(read.curves[0].points.iter().all(|(_, millis)| (4.9..5.1).contains(millis)));
    }

    #[test]
    fn a_figure_that_was_not_announced_is_a_mistake() {
        let mut record = Record::new([].into_iter(), &[]);
        assert!(record.add(round(5, 0.0), Vec::new()).is_err());
    }
}
