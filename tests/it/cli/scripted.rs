//! A service whose answers a test writes down.

use std::convert::Infallible;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub const ID: &str = "ops-0193a1b2c3d47e8f9a0b1c2d3e4f5061";
pub const FINGERPRINT: &str = "3fa91c04b7d23fa91c04b7d23fa91c04b7d23fa91c04b7d23fa91c04b7d2abcd";

/// A question as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which question this is, from 0.
    pub number: usize,
    pub method: String,
    /// Path and query.
    pub path: String,
    pub authorization: Option<String>,
    pub idempotency_key: Option<String>,
    pub body: String,
}

/// What is answered.
#[derive(Clone)]
pub struct Answer {
    status: u16,
    content_type: &'static str,
    body: String,
    stays_open: bool,
}

impl Answer {
    pub fn json(body: impl ToString) -> Self {
        Self { status: 200, content_type: "application/json", body: body.to_string(), stays_open: false }
    }

    pub fn problem(status: u16, slug: &str, more: Value) -> Self {
        let mut problem = json!({"type": format!("https://holdpoint.dev/problems/{slug}"), "title": slug,
            "status": status, "detail": format!("{slug} it is")});
        problem.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Self { status, content_type: "application/problem+json", ..Self::json(problem) }
    }

    /// Something else than our service.
    pub fn page(status: u16) -> Self {
        Self { status, content_type: "text/html", ..Self::json("<h1>Hello</h1>") }
    }

    /// A stream that ends behind these events.
    pub fn events(events: &str) -> Self {
        Self { content_type: "text/event-stream", ..Self::json(events) }
    }

    /// A stream that goes on, silently, behind these events.
    pub fn open_events(events: &str) -> Self {
        Self { stays_open: true, ..Self::events(events) }
    }

    fn response(self) -> Response {
        let first = stream::iter([Ok::<_, Infallible>(Bytes::from(self.body))]);
        let body = match self.stays_open {
            true => Body::from_stream(first.chain(stream::pending())),
            false => Body::from_stream(first),
        };
        let response = Response::builder().status(self.status).header("content-type", self.content_type);
        // Retried at once: the pause is not what is tested.
        response.header("retry-after", "0").body(body).unwrap()
    }
}

/// The service; it ends with the test.
pub struct Service {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _runtime: Runtime,
}

impl Service {
    /// Answers each question with what the test says.
    pub fn start(answer: impl Fn(&Asked) -> Answer + Clone + Send + Sync + 'static) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        let router = Router::new().fallback(async move |request: Request| {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let header = |name| head.headers.get(name).map(|v| v.to_str().unwrap().to_owned());
            let mut noted = noted.lock().unwrap();
            let question = Asked {
                number: noted.len(),
                method: head.method.to_string(),
                path: head.uri.to_string(),
                authorization: header("authorization"),
                idempotency_key: header("idempotency-key"),
                body: String::from_utf8(body.into()).unwrap(),
            };
            noted.push(question.clone());
            answer(&question).response()
        });
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { url, asked, _runtime: runtime }
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Runs a command against this service, without a terminal.
    pub fn run(&self, args: &[&str]) -> Ended {
        holdpoint(args).env("HOLDPOINT_URL", &self.url).output().unwrap().into()
    }
}

/// The command, ended after a minute, so that one that hangs fails its test.
pub fn holdpoint(args: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--foreground", "60", env!("CARGO_BIN_EXE_holdpoint")]);
    alone(command, args)
}

/// The command until the test ends it.
pub fn endless(args: &[&str]) -> Command {
    alone(Command::new(env!("CARGO_BIN_EXE_holdpoint")), args)
}

/// With nothing of the environment that the command looks at.
fn alone(mut command: Command, args: &[&str]) -> Command {
    for name in ["HOLDPOINT_URL", "HOLDPOINT_TOKEN", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A pending approval as the admin API writes it, with some fields replaced.
pub fn approval(changes: Value) -> String {
    let mut approval = json!({
        "id": ID, "state": "pending", "queue": "ops", "rule": "migrations", "title": null, "risk": null,
        "fingerprint": FINGERPRINT,
        "call": {"method": "tools/call", "tool": "run_migration", "arguments": {"version": "v3"},
            "body": r#"{"method":"tools/call","params":{"name":"run_migration","arguments":{"version":"v3"}}}"#},
        "request": {"method": "POST", "path": "/privileged/mcp", "host": "ops", "headers": {}},
        "route": null, "session": null, "caller": {"subject": "alice", "actors": []},
        "created_at": "2026-11-21T11:57:55Z", "deadline": "2026-11-21T13:05:00Z", "grant_until": null,
        "settled_at": null, "cancellation": null, "waiting": true, "left_at": null, "incarnation": "ab".repeat(20), "may_have_run": false,
        "approvals_needed": 1,
        "approvals_given": 0, "reviewers": [], "votes": [], "trace": null, "can_decide": true,
        "cannot_decide_reason": null,
    });
    approval.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    approval.to_string()
}

/// A page of the list.
pub fn page(approvals: &[String], next: Option<&str>) -> String {
    format!(r#"{{"approvals":[{}],"next_page_token":{}}}"#, approvals.join(","), json!(next))
}
