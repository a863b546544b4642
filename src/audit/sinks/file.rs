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
    // A crash may have cut the last line; it is delivered again, whole.
    let whole = end_of_last_line(&mut file)?;
    file.set_len(whole)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

fn end_of_last_line(file: &mut File) -> io::Result<u64> {
    const BLOCK: u64 = 64 * 1024;
    let mut end = file.metadata()?.len();
    while end > 0 {
        let begin = end.saturating_sub(BLOCK);
        let mut block = vec![0; usize::try_from(end - begin).expect("a block fits into memory")];
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(&mut block)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

/// `audit.jsonl` is put aside as `audit.jsonl.20261121T040000.123456789Z`: names in the order of time.
fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", Timestamp::now().strftime("%Y%m%dT%H%M%S.%9fZ")));
    PathBuf::from(name)
}
