//! A Redis of one's own.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Running, free_port, installed};
use crate::support::eventually::eventually;

/// A Redis server without persistence: what is stopped comes back empty.
pub struct RedisServer {
    port: u16,
    running: Option<Running>,
}

impl RedisServer {
    /// Starts a server on a free port and waits until it answers.
    pub async fn start() -> Self {
        loop {
            let port = free_port();
            if let Some(running) = launch(port).await {
                return Self { port, running: Some(running) };
            }
        }
    }

    /// The URL that a client takes.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends the server as a crash would.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Ends the server if it runs and starts an empty one on the same port.
    pub async fn restart(&mut self) {
        self.stop();
        let running = launch(self.port).await;
        self.running = Some(running.unwrap_or_else(|| panic!("port {} was taken meanwhile", self.port)));
    }
}

/// None if somebody else took the port first.
async fn launch(port: u16) -> Option<Running> {
    let port_text = port.to_string();
    let args = ["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    let mut running = Running::start("redis-server", &installed("bin/redis-server"), args);
    let mine = format!("process_id:{}\r\n", running.pid());
    eventually("redis-server to answer", async || {
        let ended = running.has_ended();
        let answers = info(port).await.is_ok_and(|info| info.contains(&mine));
        (ended || answers).then_some(answers)
    })
    .await
    .then_some(running)
}

/// What the server on this port says of itself.
async fn info(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"INFO server\r\nQUIT\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
