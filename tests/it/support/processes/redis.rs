//! A Redis of one's own.

use holdpoint::domain::ids::ApprovalId;
use redis::Commands;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Running, free_port, installed};
use crate::support::eventually::eventually;

/// A Redis server.
pub struct RedisServer {
    port: u16,
    keeps: Keeps,
    folder: TempDir,
    running: Option<Running>,
}

/// What is still there after a restart.
#[derive(Clone, Copy)]
enum Keeps {
    Nothing,
    Everything,
}

impl RedisServer {
    /// Starts a server without persistence and waits until it answers: what is stopped comes back empty.
    pub async fn start() -> Self {
        Self::launched(Keeps::Nothing).await
    }

    /// The same with persistence: what is stopped comes back with all that it held.
    pub async fn persistent() -> Self {
        Self::launched(Keeps::Everything).await
    }

    /// One that does not run yet.
    pub fn stopped() -> Self {
        Self { port: free_port(), keeps: Keeps::Nothing, folder: folder(), running: None }
    }

    async fn launched(keeps: Keeps) -> Self {
        loop {
            let mut server = Self { keeps, ..Self::stopped() };
            server.running = server.launch().await;
            if server.running.is_some() {
                return server;
            }
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL that a client takes.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A plain connection, for looking and tampering.
    pub fn connection(&self) -> redis::Connection {
        redis::Client::open(self.url()).and_then(|client| client.get_connection()).expect("Redis answers")
    }

    /// Changes what the record of an approval says; see `read` in `record.lua` for the order of its fields.
    pub fn rewrite(&self, id: &ApprovalId, field: &str, value: &str) {
        let place = match field {
            "v" => 0,
            "deadline" => 5,
            "at" => 7,
            "with" => 8,
            "under" => 14,
            other => panic!("where is {other:?}?"),
        };
        let mut redis = self.connection();
        let key = format!("holdpoint:{{{}}}:record:{}", id.queue(), id.key().as_simple());
        let text: String = redis.get(&key).expect("there is a record");
        let mut fields: Vec<&str> = text.split(',').collect();
        fields[place] = value;
        let () = redis.set(&key, fields.join(",")).expect("it can be changed");
    }

    /// Ends the server as a crash would.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Ends the server if it runs and starts it on the same port.
    pub async fn restart(&mut self) {
        self.stop();
        self.running = self.launch().await;
        assert!(self.running.is_some(), "port {} was taken meanwhile", self.port);
    }

    /// Makes it silent, with its connections open.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Ends [`RedisServer::freeze`].
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        self.running.as_ref().expect("Redis runs").signal(signal);
    }

    /// None if somebody else took the port first.
    async fn launch(&self) -> Option<Running> {
        let port = self.port;
        let appendonly = match self.keeps {
            Keeps::Nothing => "no",
            Keeps::Everything => "yes",
        };
        let args =
            ["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", appendonly]
                .map(str::to_owned);
        let folder = ["--dir".to_owned(), self.folder.path().display().to_string()];
        let mut running =
            Running::start("redis-server", &installed("bin/redis-server"), args.into_iter().chain(folder));
        let mine = format!("process_id:{}\r\n", running.pid());
        eventually("redis-server to answer", async || {
            let ended = running.has_ended();
            let answers = info(port).await.is_ok_and(|info| info.contains(&mine));
            (ended || answers).then_some(answers)
        })
        .await
        .then_some(running)
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder for Redis")
}

/// What the server on this port says of itself.
async fn info(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"INFO server\r\nQUIT\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
