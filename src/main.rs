//! The `holdpoint` command.

use std::process::ExitCode;

use clap::Parser;
use holdpoint::cli::Cli;
use tikv_jemallocator::Jemalloc;

/// musl's own takes one lock for all threads, and glibc's gives little back after a burst.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    Cli::parse().run()
}
