//! Child processes that end with this one.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long a process may take to come up.
const START: Duration = Duration::from_secs(20);

/// A child process, killed when this is dropped.
pub struct Process {
    child: Child,
    pid: Pid,
}

impl Process {
    /// Starts a program; what it writes is appended to `log`.
    pub fn start(
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let program = program.as_ref();
        let output = OpenOptions::new().create(true).append(true).open(log)?;
        // The kernel ends it with us, also when we are killed.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(args)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        Ok(Self { pid: pid.context("it has ended at once")?, child })
    }

    /// Its number in /proc.
    pub fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// Stops it where it stands; see [`Process::thaw`].
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it run on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Ends it as a crash would.
    pub async fn kill(mut self) {
        self.signal(Signal::KILL);
        let _ended = self.child.wait().await;
    }

    /// Tells it to leave, and ends it where it does not.
    pub async fn leave(mut self, within: Duration) {
        self.signal(Signal::TERM);
        if timeout(within, self.child.wait()).await.is_err() {
            self.kill().await;
        }
    }

    /// Waits until it listens on all of these ports.
    pub async fn listens(&mut self, ports: &[u16]) -> anyhow::Result<()> {
        let until = Instant::now() + START;
        for port in ports {
            while TcpStream::connect(("127.0.0.1", *port)).await.is_err() {
                if let Some(status) = self.child.try_wait()? {
                    bail!("it ended: {status}");
                }
                if Instant::now() >= until {
                    bail!("it does not listen on port {port}");
                }
                sleep(Duration::from_millis(5)).await;
            }
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        // It fails only where the process has ended.
        let _ = kill_process(self.pid, signal);
    }
}

/// A port that nobody listens on, below the range from which the kernel takes outgoing ports.
pub fn free_port() -> anyhow::Result<u16> {
    const FIRST: u16 = 13_000;
    const SPAN: u32 = 18_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let seed = std::process::id().wrapping_mul(97);
    (0..SPAN)
        .map(|_| FIRST + (seed.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % SPAN) as u16)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .context("no port is free")
}
