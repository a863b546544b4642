//! The page in a real browser, on two replicas with a real Redis behind a real gateway.

mod card;
mod crowd;
mod everyone;
mod harmless;
mod history;
mod keys;
mod likes;
mod live;
mod signing_in;

use std::ops::Deref;

use reqwest::Response;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::browser::Browser;
use crate::support::processes::{RedisServer, Reviewer, TOKEN};
use crate::support::world::World;

/// Callers say who they are, rules have texts, and traces can be found.
const CONFIG: &str = r#"
admin:
  trace_url: "https://traces.example/{trace_id}"
  reject_presets: ["Freeze until Monday.", "Not without a ticket."]
identity: { caller: [ { header: x-caller } ] }
policy:
  defaults: { cooldown: 1ms }
  rules:
  - name: quorum
    match: mcp.tool.name == "drop_table"
    ruling: hold
    approvals: 2
    risk: high
  - name: migrations
    match: mcp.tool.name == "run_migration"
    ruling: hold
    title: Schema migration
"#;

/// A reviewer's browser at the first replica; the second one can be asked too.
pub struct Desk {
    pub world: World,
    pub browser: Browser,
}

impl Desk {
    /// A desk with nothing on it.
    pub async fn open() -> Self {
        // Sessions are in the store too, and have to outlive it.
        let world = async { World::with(RedisServer::persistent().await, CONFIG).await };
        let (world, browser) = tokio::join!(world, Browser::start());
        let desk = Self { world, browser };
        desk.opens("/").await;
        desk
    }

    /// Opens a path of the first replica, signed in.
    pub async fn opens(&self, path: &str) {
        self.browser.opens(&format!("{}/?token={TOKEN}", self.world.a.admin())).await;
        if path != "/" {
            self.browser.opens(&format!("{}{path}", self.world.a.admin())).await;
        }
    }

    /// Somebody else, at the second replica.
    pub fn colleague(&self) -> Reviewer {
        self.world.b.reviewer()
    }

    /// A caller calls a tool and waits.
    pub fn calls(&self, caller: &str, tool: &str, arguments: Value) -> JoinHandle<Response> {
        let params = json!({ "name": tool, "arguments": arguments });
        self.sends(caller, params)
    }

    /// The same with any parameters.
    pub fn sends(&self, caller: &str, params: Value) -> JoinHandle<Response> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let post = self.world.post(body.to_string()).header("content-type", "application/json");
        let post = post.header("x-caller", caller);
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let post = post.header("traceparent", trace).header("mcp-protocol-version", "2025-11-25");
        tokio::spawn(async move { post.send().await.expect("the gateway answers") })
    }
}

impl Deref for Desk {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}
