//! Writes docs/performance.md out of what runs wrote by `--json`: the text stands in `report/performance.md`.

mod goals;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use self::goals::GOALS;
use crate::figures::comparison::{Spread, written};
use crate::figures::slope::power;
use crate::output::record::{Record, Values};

const TEXT: &str = include_str!("report/performance.md");

/// The runs that differ only in how many are parked: their names begin with this.
const SIZES: &str = "park-";
/// Fewer say nothing of how things grow: what is there without any call is most of it.
const SEVERAL: f64 = 1000.0;
/// What is told of each size, and whether it is told for one call of them.
const GROWTH: [(&str, bool); 5] = [
    ("replica_per_call", true),
    ("redis_per_call", true),
    ("replica_holding", false),
    ("release_all", false),
    ("list_p99", false),
];

/// From where to where.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A folder with the JSON of runs; each is known by the name of its file
    #[arg(long, default_value = "target/performance")]
    from: PathBuf,
    /// The document
    #[arg(long, default_value = "docs/performance.md")]
    to: PathBuf,
    /// Where the plots of each run lie, below the document's folder
    #[arg(long, default_value = "images/performance")]
    plots: PathBuf,
}

type Runs = BTreeMap<String, Record>;

/// Writes it.
pub fn write(args: &Args) -> anyhow::Result<()> {
    let runs = read(&args.from)?;
    let machine = &runs.values().next().context("there are no runs")?.machine;
    let folder = args.to.parent().unwrap_or(Path::new(""));
    let text = TEXT
        .replace("{machine}", &format!("{} cores of an {}", machine.cores, machine.processor))
        .replace("{goals}", &goals(&runs)?)
        .replace("{growth}", &growth(&runs))
        .replace("{runs}", &all(&runs, folder, &args.plots)?);
    fs::write(&args.to, text).with_context(|| format!("{} cannot be written", args.to.display()))
}

fn read(folder: &Path) -> anyhow::Result<Runs> {
    let mut runs = Runs::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            runs.insert(name, Record::read(&path)?);
        }
    }
    ensure!(!runs.is_empty(), "{} has no runs", folder.display());
    Ok(runs)
}

/// Every goal, met or not.
fn goals(runs: &Runs) -> anyhow::Result<String> {
    let mut table = "| what | figure | to reach | found | |\n|---|---|---|---|---|\n".to_owned();
    for goal in GOALS {
        let (found, met) = match goal.found(runs)? {
            Some((value, unit, met)) => (written(value, unit), if met { "met" } else { "**not met**" }),
            None => ("not measured".to_owned(), ""),
        };
        let (figure, bound) = goal.parts();
        writeln!(table, "| {} | {figure} | {bound} | {found} | {met} |", goal.what)?;
    }
    Ok(table)
}

/// The same figures for more and more calls, and the power of their number that each grows with.
fn growth(runs: &Runs) -> String {
    let mut sizes: Vec<(f64, &Record)> =
        runs.iter().filter_map(|(name, run)| Some((name.strip_prefix(SIZES)?.parse().ok()?, run))).collect();
    sizes.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let mut table =
        format!("| parked | {} |\n|---|", GROWTH.map(|(name, _)| format!("`{name}`")).join(" | "));
    table.push_str(&"---|".repeat(GROWTH.len()));
    for (size, run) in &sizes {
        let cell = |(name, _)| run.figure(name).and_then(median).unwrap_or_default();
        table += &format!("\n| {size} | {} |", GROWTH.map(cell).join(" | "));
    }
    let power_of = |(name, of_one)| {
        let point = |(size, run): &(f64, &Record)| {
            let value = Spread::of(&run.figure(name)?.values)?.median;
            Some((*size, if of_one { value * size } else { value }))
        };
        let several = sizes.iter().filter(|(size, _)| *size >= SEVERAL);
        format!("{:.2}", power(&several.filter_map(point).collect::<Vec<_>>()))
    };
    table + &format!("\n| power, from 1000 | {} |", GROWTH.map(power_of).join(" | "))
}

/// Every run: how it was asked for, what it found, and its plots.
fn all(runs: &Runs, folder: &Path, plots: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    for (name, run) in runs {
        writeln!(text, "\n### {name}\n\n`holdpoint-loadtest {}`\n", quoted(&run.command))?;
        writeln!(text, "| figure | median | rounds | |\n|---|---|---|---|")?;
        for figure in &run.figures {
            let (Some(median), Some(spread)) = (median(figure), Spread::of(&figure.values)) else { continue };
            let range = match figure.values.len() {
                1 => "1".to_owned(),
                rounds => {
                    let ends = [spread.least, spread.most].map(|value| written(value, figure.unit));
                    format!("{rounds}: {} to {}", ends[0], ends[1])
                }
            };
            writeln!(text, "| `{}` | {median} | {range} | {} |", figure.name, figure.what)?;
        }
        text.push('\n');
        for (plot, what) in [("latency", "Latencies"), ("memory", "Memory"), ("parked", "Checks under way")] {
            let path = plots.join(name).join(format!("{plot}.svg"));
            if folder.join(&path).exists() {
                writeln!(text, "![{what}]({})", path.display())?;
            }
        }
    }
    Ok(text)
}

fn median(figure: &Values) -> Option<String> {
    Some(written(Spread::of(&figure.values)?.median, figure.unit))
}

/// Without where files were written, which is of no use to others.
fn quoted(command: &[String]) -> String {
    let mut words = Vec::new();
    let mut rest = command.iter();
    while let Some(word) = rest.next() {
        if ["--json", "--plots"].contains(&word.as_str()) {
            rest.next();
        } else {
            words.push(word.as_str());
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{ERRORS, Found, REPLICA_MEMORY};

    fn run(errors: f64, memory: f64) -> Record {
        let command = ["park", "--json", "x.json", "--hold", "1s"].map(str::to_owned);
        let mut run = Record::new(command.into_iter(), &[ERRORS, REPLICA_MEMORY]);
        let mut found = Found::default();
        found.note(ERRORS, errors);
        found.note(REPLICA_MEMORY, memory);
        run.add(found, Vec::new()).expect("announced figures");
        run
    }

    #[test]
    fn goals_are_told_met_or_not_or_not_measured() {
        let runs = Runs::from([("park-100000".to_owned(), run(0.0, 7.5))]);
        let table = goals(&runs).expect("goals that are right");
        let line = |begin: &str| table.lines().find(|line| line.contains(begin)).expect("a line");
        assert!(line("`errors`").ends_with("| 0 | met |"));
        assert!(line("`replica_per_call`").ends_with("| 7.50 KiB | **not met** |"));
        assert!(line("`checks_ratio`").ends_with("| not measured |  |"));
    }

    #[test]
    fn sizes_are_in_their_order() {
        let runs = ["park-1000", "park-100", "park-20"].map(|name| (name.to_owned(), run(0.0, 6.0)));
        let table = growth(&runs.into());
        let sizes: Vec<&str> = table.lines().skip(2).filter_map(|line| line.split(' ').nth(1)).collect();
        assert_eq!(sizes, ["20", "100", "1000", "power,"]);
    }

    #[test]
    fn commands_are_told_without_the_files_that_were_written() {
        assert_eq!(quoted(&run(0.0, 0.0).command), "park --hold 1s");
    }
}
