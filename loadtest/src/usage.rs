//! What processes use, by /proc.

use std::fs;
use std::ops::Sub;
use std::time::Duration;

use anyhow::Context;
use rustix::param::{clock_ticks_per_second, page_size};

/// What one or several processes use.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Memory that they have, in KiB.
    pub rss: f64,
    /// Processor time since they began.
    pub cpu: Duration,
}

impl Usage {
    /// Of this process; nothing where it has ended.
    pub fn of(process: u32) -> anyhow::Result<Self> {
        let read = |file| fs::read_to_string(format!("/proc/{process}/{file}"));
        let (Ok(memory), Ok(stat)) = (read("statm"), read("stat")) else { return Ok(Self::default()) };
        Self::read(&memory, &stat).with_context(|| format!("/proc/{process} does not read as expected"))
    }

    fn read(memory: &str, stat: &str) -> Option<Self> {
        let pages: f64 = memory.split(' ').nth(1)?.parse().ok()?;
        // Behind the name, which may have spaces in it, the times are the 12th and the 13th.
        let mut times = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let (user, system): (f64, f64) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
        let cpu = Duration::from_secs_f64((user + system) / clock_ticks_per_second() as f64);
        Some(Self { rss: pages * page_size() as f64 / 1024.0, cpu })
    }

    /// Of several together.
    pub fn sum(of: impl IntoIterator<Item = u32>) -> anyhow::Result<Self> {
        of.into_iter().try_fold(Self::default(), |sum, process| {
            let one = Self::of(process)?;
            Ok(Self { rss: sum.rss + one.rss, cpu: sum.cpu + one.cpu })
        })
    }
}

/// What was added since.
impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { rss: self.rss - before.rss, cpu: self.cpu.saturating_sub(before.cpu) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_an_odd_name_is_read() {
        let stat = "7 (redis ) (x) S 1 7 7 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 4 0 100";
        let usage = Usage::read("9999 256 3 1 0 2 0", stat).expect("it reads");
        let cpu = Duration::from_secs_f64(200.0 / clock_ticks_per_second() as f64);
        assert_eq!(usage, Usage { rss: 256.0 * page_size() as f64 / 1024.0, cpu });
    }

    #[test]
    fn who_has_ended_uses_nothing() {
        assert_eq!(Usage::of(u32::MAX).expect("no error"), Usage::default());
    }

    #[test]
    fn we_use_something_ourselves() {
        let usage = Usage::of(std::process::id()).expect("we live");
        assert!(usage.rss > 500.0, "{usage:?}");
    }
}
