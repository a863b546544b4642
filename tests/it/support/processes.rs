//! Real child processes: each has its own logs, shown if the test panics, and ends with the test.

mod clients;
mod envoy;
mod holdpoint;
mod oidc_provider;
mod ops_tools;
mod redis;
mod reviewer;

use std::{
    ffi::OsStr,
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpid};
use tempfile::TempDir;
use tokio::process::{Child, Command};

pub use self::{
    clients::{Era, Tool, inspector, list_tools},
    envoy::{Envoy, PartialBodies},
    holdpoint::{Holdpoint, TOKEN, command, serve},
    oidc_provider::OidcProvider,
    ops_tools::OpsTools,
    redis::RedisServer,
    reviewer::Reviewer,
};

/// A child process, killed with its whole group when this is dropped.
pub struct Running {
    name: &'static str,
    child: Child,
    group: Pid,
    home: TempDir,
}

impl Running {
    /// Starts a program in a directory of its own, where its output is kept too.
    pub fn start(
        name: &'static str,
        program: &Path,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let output = |file| File::create(home.path().join(file)).expect("a log file");
        // Its own group, so that grandchildren end with it. Ctrl-C then does not reach it, nor does
        // anything if the tests are killed: the kernel ends it with the thread that started it.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(args)
            .current_dir(home.path())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let pid = child.id().expect("a child that was not waited for");
        let group = Pid::from_raw(pid.cast_signed()).expect("a pid is not zero");
        Self { name, child, group, home }
    }

    /// The process id.
    pub fn pid(&self) -> i32 {
        self.group.as_raw_pid()
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        self.read("stderr")
    }

    /// Its own directory: the one it runs in.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits until it ends.
    pub async fn ended(&mut self) -> ExitStatus {
        self.child.wait().await.unwrap_or_else(|error| panic!("cannot wait for {}: {error}", self.name))
    }

    /// Sends it and its children a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process_group(self.group, signal)
            .unwrap_or_else(|error| panic!("cannot signal {}: {error}", self.name));
    }

    fn read(&self, file: &str) -> String {
        fs::read(self.home.path().join(file))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Errors say that nobody is left to kill or to wait for.
        let _ = kill_process_group(self.group, Signal::KILL);
        // Its ports are free again when this returns.
        let _ = waitpid(Some(self.group), WaitOptions::empty());
        if std::thread::panicking() {
            eprintln!("--- {}\n{}{}", self.name, self.read("stdout"), self.read("stderr"));
        }
    }
}

/// A port that nobody listens on, below the range from which the kernel takes outgoing ports.
pub fn free_port() -> u16 {
    const FIRST: u16 = 15_000;
    const SPAN: u16 = 17_000;
    // Test binaries that run at the same time start at different places.
    static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(std::process::id().wrapping_mul(97)));
    (0..SPAN)
        .map(|_| FIRST + (NEXT.fetch_add(1, Ordering::Relaxed) % u32::from(SPAN)) as u16)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

/// A program or directory that `tests/e2e/setup.sh` has installed.
pub fn installed(path: &str) -> PathBuf {
    beside_this_binary(&format!("e2e/{path}"))
        .unwrap_or_else(|| panic!("{path} is not there: run tests/e2e/setup.sh (make test does)"))
}

/// A file of the target directory, wherever in it this test binary lies.
fn beside_this_binary(path: &str) -> Option<PathBuf> {
    let this = std::env::current_exe().expect("the path of this test binary");
    this.ancestors().map(|directory| directory.join(path)).find(|candidate| candidate.exists())
}

/// A file of `tests/e2e`.
fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e").join(path)
}
