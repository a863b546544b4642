//! What a run comes to: a table, files, plots.

pub mod chart;
pub mod plots;
pub mod record;

use self::record::Record;
use crate::figures::comparison::{Comparison, Spread, written};

/// Prints every figure: the median of the rounds and, of several, the least and the most.
pub fn table(record: &Record) {
    for figure in &record.figures {
        let Some(Spread { least, median, most, .. }) = Spread::of(&figure.values) else { continue };
        let median = written(median, figure.unit);
        let range = match figure.values.len() {
            1 => String::new(),
            _ => format!("{} to {}", written(least, figure.unit), written(most, figure.unit)),
        };
        println!("{:<20} {median:>12}  {range:<24} {}", figure.name, figure.what);
    }
}

/// Prints how the figures stand to those of another run.
pub fn comparison(now: &Record, before: &Record) {
    println!("\nagainst {}:", before.command.join(" "));
    for figure in &now.figures {
        let Some(other) = before.figure(&figure.name) else { continue };
        let Some(compared) = Comparison::of(&figure.values, &other.values) else { continue };
        let spread = match compared.spread {
            Some((least, most)) => format!("{least:.3} to {most:.3}"),
            None => String::new(),
        };
        println!("{:<20} {:>8.3}  {spread:<18} {}", figure.name, compared.ratio, compared.verdict());
    }
}
