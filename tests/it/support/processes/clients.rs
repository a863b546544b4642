//! Real MCP clients, each call in a process of its own. Dropping the future hangs up.

use std::{path::Path, time::Duration};

use serde_json::Value;
use tokio::time::timeout;

use super::{Running, installed, source};

/// Longer than any test holds a call.
const BOUND: Duration = Duration::from_secs(120);

/// Which of the Python SDKs calls, and so which era of the protocol is spoken.
#[derive(Clone, Copy, Debug)]
pub enum Era {
    /// mcp 1.x: `initialize` and a session.
    Legacy,
    /// mcp 2.x: stateless, and hanging up is the cancel.
    Modern,
}

/// A tool call to be made.
pub struct Tool<'a> {
    /// The MCP endpoint.
    pub url: &'a str,
    /// The tool's name.
    pub name: &'a str,
    /// Its arguments, an object.
    pub arguments: Value,
}

impl Tool<'_> {
    /// Makes the call with the Python SDK of an era; the answer has `isError`, `text`, `structured`
    /// or `exception`, and `elapsed_s`.
    pub async fn call(&self, era: Era) -> Value {
        self.call_with(era, &[]).await
    }

    /// The same by a client that lists the tools in the same session afterwards: `tools` shows that it lives.
    pub async fn call_then_list(&self, era: Era) -> Value {
        self.call_with(era, &["--then-list"]).await
    }

    /// The same by a client that gives up after a while.
    pub async fn call_within(&self, era: Era, limit: Duration) -> Value {
        self.call_with(era, &["--timeout", &limit.as_secs_f64().to_string()]).await
    }

    async fn call_with(&self, era: Era, more: &[&str]) -> Value {
        let arguments = self.arguments.to_string();
        let args = ["--url", self.url, "--tool", self.name, "--args", &arguments];
        python(era, "call.py", &[&args, more].concat()).await
    }
}

/// The names of the tools that a server offers, in `tools`; or `exception`.
pub async fn list_tools(url: &str, era: Era) -> Value {
    python(era, "list_tools.py", &["--url", url]).await
}

/// Makes the call with the MCP Inspector's command line; the answer is the server's result.
pub async fn inspector(tool: &Tool<'_>) -> Value {
    let arguments = tool.arguments.to_string();
    let call = ["--method", "tools/call", "--tool-name", tool.name, "--tool-args-json", &arguments];
    let target = ["--cli", tool.url, "--transport", "http"];
    answer("inspector", &source("clients/inspector.sh"), &[&target[..], &call].concat()).await["result"]
        .take()
}

async fn python(era: Era, script: &str, args: &[&str]) -> Value {
    // The environments carry the names of the eras.
    let era = match era {
        Era::Legacy => "legacy",
        Era::Modern => "modern",
    };
    let python = installed(&format!("{era}/bin/python"));
    let script = source(&format!("clients/{script}"));
    let script = script.to_str().expect("the checkout's path is UTF-8");
    answer("client", &python, &[&[script, "--era", era], args].concat()).await
}

/// The JSON that a client prints before it ends.
async fn answer(name: &'static str, program: &Path, args: &[&str]) -> Value {
    let mut running = Running::start(name, program, args);
    timeout(BOUND, running.ended()).await.expect("the client ends");
    serde_json::from_str(&running.stdout()).expect("the client prints JSON")
}
