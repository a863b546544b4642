//! The MCP server of the story.

use serde_json::Value;

use super::{Running, beside_this_binary};
use crate::support::eventually::eventually;

/// The ops-tools MCP server, at schema v2 and with nothing in its audit.
pub struct OpsTools {
    url: String,
    _running: Running,
}

impl OpsTools {
    /// Starts the server on a free port and waits until it listens.
    pub async fn start() -> Self {
        let program = beside_this_binary("examples/ops-tools")
            .expect("ops-tools is not built: cargo build --examples (make test does)");
        let running = Running::start("ops-tools", &program, ["--listen", "127.0.0.1:0"]);
        let url = eventually("ops-tools to listen", async || {
            let stdout = running.stdout();
            let (first_line, _) = stdout.split_once('\n')?;
            first_line.strip_prefix("listening on ").map(str::to_owned)
        })
        .await;
        Self { url, _running: running }
    }

    /// The port, for a gateway in front.
    pub fn port(&self) -> u16 {
        self.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a URL with a port")
    }

    /// What the database holds and which calls were executed.
    pub async fn state(&self) -> Value {
        let answer = reqwest::get(format!("{}/state", self.url)).await.expect("ops-tools answers");
        answer.json().await.expect("the state is JSON")
    }

    /// The arguments of every executed call of one tool, oldest first.
    pub async fn executed(&self, tool: &str) -> Vec<Value> {
        let state = self.state().await;
        let audit = state["audit"].as_array().expect("an audit list");
        audit.iter().filter(|call| call["tool"] == tool).map(|call| call["arguments"].clone()).collect()
    }
}
