//! Writes to where people and scripts read. Not by `println!`, which panics when nobody reads any more.

use std::io::{self, Write};

use serde_json::value::RawValue;

use crate::cli::render::json::escaped;

/// Prints what people read; colours only on a terminal.
pub fn people(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints one line of JSON.
pub fn script(json: &RawValue) -> io::Result<()> {
    line(&escaped(json.get()))
}

/// Prints all as one JSON array, on one line.
pub fn script_all<'a>(all: impl Iterator<Item = &'a RawValue>) -> io::Result<()> {
    let all: Vec<_> = all.map(|json| escaped(json.get())).collect();
    line(&format!("[{}]", all.join(",")))
}

fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
