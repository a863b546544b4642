//! A Redis of one's own.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A `redis-server` on a port of its own, killed when dropped.
pub struct RedisServer {
    port: u16,
    folder: TempDir,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts one and waits until it answers.
    pub fn start() -> Self {
        let mut server = Self::stopped();
        server.restart();
        server
    }

    /// One that does not run yet.
    pub fn stopped() -> Self {
        let folder = tempfile::tempdir().expect("a folder for Redis");
        Self { port: free_port(), folder, child: None }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it; what it held is gone.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("Redis is killed");
            child.wait().expect("Redis has ended");
        }
    }

    /// Starts it on the same port, after stopping it if it runs.
    pub fn restart(&mut self) {
        self.stop();
        let child = Command::new("redis-server")
            .args([
                "--port",
                &self.port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .arg("--dir")
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.child = Some(child);
        self.await_ping();
    }

    /// Waits until it answers, and not another that took the port.
    fn await_ping(&mut self) {
        let started = Instant::now();
        let child = self.child.as_mut().expect("it was started");
        let own = format!("process_id:{}", child.id());
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).expect("a URL");
        loop {
            let answer = client
                .get_connection()
                .and_then(|mut c| redis::cmd("INFO").arg("server").query::<String>(&mut c));
            if answer.as_ref().is_ok_and(|info| info.lines().any(|line| line == own)) {
                return;
            }
            let ended = child.try_wait().expect("Redis can be asked");
            assert!(ended.is_none(), "redis-server ended: {ended:?}");
            assert!(started.elapsed() < Duration::from_secs(10), "Redis does not answer: {answer:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A plain connection, for looking and tampering.
    pub fn connection(&self) -> redis::Connection {
        redis::Client::open(self.url()).and_then(|client| client.get_connection()).expect("Redis answers")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port below the range that the kernel gives to outgoing connections, so that nobody takes it meanwhile.
fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 10_000) as u16;
    (0..2_000)
        .map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed) % 2_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}
