//! The whole story: an agent, a gateway, two replicas with one Redis, a tool, all of them real.

use std::ops::Deref;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::processes::{Envoy, Era, Holdpoint, OpsTools, PartialBodies, RedisServer, Tool, inspector};

/// Two replicas behind a site. Envoy asks `a`, and `b` only while `a` is down.
pub struct World {
    pub redis: RedisServer,
    pub a: Holdpoint,
    pub b: Holdpoint,
    site: Site,
}

impl World {
    /// Starts everything; both replicas have this configuration file.
    pub async fn start(config: &str) -> Self {
        Self::with(RedisServer::start().await, config).await
    }

    /// The same with this Redis, which may be down.
    pub async fn with(redis: RedisServer, config: &str) -> Self {
        let replica = || Holdpoint::start(config, Some(&redis));
        let (a, b) = tokio::join!(replica(), replica());
        let site = Site::asking([&a, &b]).await;
        Self { redis, a, b, site }
    }
}

impl Deref for World {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

/// The tool and the gateway before it.
pub struct Site {
    pub ops_tools: OpsTools,
    pub envoy: Envoy,
}

impl Site {
    /// A gateway that asks these replicas.
    pub async fn asking([first, second]: [&Holdpoint; 2]) -> Self {
        let ops_tools = OpsTools::start().await;
        let ports = [first.check_port(), second.check_port()];
        let envoy = Envoy::start(ports, &ops_tools, PartialBodies::Refused).await;
        Self { ops_tools, envoy }
    }

    /// The same with a gateway that sends its spans to this port.
    pub async fn traced([first, second]: [&Holdpoint; 2], receiver: u16) -> Self {
        let ops_tools = OpsTools::start().await;
        let ports = [first.check_port(), second.check_port()];
        let envoy = Envoy::traced(ports, &ops_tools, receiver).await;
        Self { ops_tools, envoy }
    }

    /// An agent calls `run_migration` and waits.
    pub fn migrates(&self, agent: Agent, version: &str) -> Calling {
        let (url, arguments) = (self.envoy.url("/privileged/mcp"), json!({ "version": version }));
        Calling(tokio::spawn(async move {
            let tool = Tool { url: &url, name: "run_migration", arguments };
            agent.call(&tool).await
        }))
    }

    /// A POST to the gated endpoint, as JSON-RPC clients send it.
    pub fn post(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let post = Client::new().post(self.envoy.url("/privileged/mcp"));
        post.header("accept", "application/json, text/event-stream").body(body)
    }

    /// Lists the gated tools, within a bound that a person would call "at once".
    pub async fn lists_tools_at_once(&self) -> String {
        let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {} });
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": { "_meta": meta } });
        let post = self.post(list.to_string()).header("content-type", "application/json");
        let post = post.header("mcp-protocol-version", "2026-07-28").header("mcp-method", "tools/list");
        let listed = post.timeout(Duration::from_millis(1800)).send().await;
        let listed = listed.and_then(Response::error_for_status).expect("the tools, at once");
        listed.text().await.expect("the tools, at once")
    }

    /// The schema's version, which only an executed migration changes.
    pub async fn version(&self) -> Value {
        self.ops_tools.state().await["schema_version"].take()
    }

    /// The versions of all executed migrations.
    pub async fn migrations(&self) -> Vec<Value> {
        self.ops_tools.executed("run_migration").await.iter().map(|call| call["version"].clone()).collect()
    }
}

/// Which real MCP client calls.
#[derive(Debug, Clone, Copy)]
pub enum Agent {
    /// The Python SDK of the legacy era; it lists the tools in the same session afterwards.
    Legacy,
    /// The Python SDK of the modern era; it does the same.
    Modern,
    /// The MCP Inspector's command line.
    Inspector,
}

/// What an agent got for its call.
#[derive(Debug)]
pub struct Answer {
    pub is_error: bool,
    pub text: String,
    pub structured: Value,
    /// Under which reason code the gate denied it.
    pub reason_code: Option<String>,
    /// What the same session could list afterwards; null for a client without a session.
    pub tools_afterwards: Value,
}

impl Agent {
    pub const ALL: [Self; 3] = [Self::Legacy, Self::Modern, Self::Inspector];

    async fn call(self, tool: &Tool<'_>) -> Answer {
        let mut got = match self {
            Self::Legacy => tool.call_then_list(Era::Legacy).await,
            Self::Modern => tool.call_then_list(Era::Modern).await,
            Self::Inspector => {
                let mut result = inspector(tool).await;
                json!({ "isError": result["isError"] == true, "text": result["content"][0]["text"],
                    "structured": result["structuredContent"].take(), "meta": result["_meta"].take() })
            }
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Answer {
            is_error: got["isError"].as_bool().unwrap_or_else(|| panic!("no answer for {self:?}: {got}")),
            text: text(&got["text"]).expect("a text"),
            structured: got["structured"].take(),
            reason_code: text(&got["meta"]["dev.holdpoint/denial"]["reason_code"]),
            tools_afterwards: got["tools"].take(),
        }
    }
}

/// A call that is on its way.
pub struct Calling(JoinHandle<Answer>);

impl Calling {
    /// What the agent gets in the end.
    pub async fn answer(self) -> Answer {
        self.0.await.expect("the agent ends well")
    }

    /// Ends the agent, and with it its connection.
    pub async fn hangs_up(self) {
        self.0.abort();
        assert!(self.0.await.is_err_and(|ended| ended.is_cancelled()), "it had an answer already");
    }

    /// Whether the agent still waits.
    pub fn waits(&self) -> bool {
        !self.0.is_finished()
    }
}

impl Answer {
    /// Asserts that the tool ran, from one version to the other.
    pub fn migrated(&self, from: &str, to: &str) {
        assert!(!self.is_error, "{self:?}");
        assert_eq!(self.structured, json!({ "migrated": true, "from": from, "to": to }), "{self:?}");
    }

    /// Asserts a denial with this reason code that the agent can read.
    pub fn denied(&self, reason_code: &str) {
        assert!(self.is_error, "{self:?}");
        assert_eq!(self.reason_code.as_deref(), Some(reason_code), "{self:?}");
    }
}
