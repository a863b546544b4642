//! A file of lines.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::domain::audit::Line;

/// Appends lines, and puts them on the disk.
pub(super) fn append(path: &Path, rotate_at: u64, lines: &[Line]) -> io::Result<()> {
    let text = super::text(lines);
    let size = path.metadata().map_or(0, |metadata| metadata.len());
    if size > 0 && size + text.len() as u64 > rotate_at {
        std::fs::rename(path, aside(path))?;
    }
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    if !ends_with_a_line(&mut file)? {
        // A crash cut the last line; it is delivered again, whole.
        file.write_all(b"\n")?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

fn ends_with_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// `audit.jsonl` is put aside as `audit.jsonl.20261121T040000.123456789Z`: names in the order of time.
fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", Timestamp::now().strftime("%Y%m%dT%H%M%S.%9fZ")));
    PathBuf::from(name)
}
