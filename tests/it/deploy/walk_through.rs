//! The field guide's story on what `make up` starts.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{BOUND, root};
use crate::support::eventually::eventually;
use crate::support::processes::{
    Era, Reviewer, Running, TOKEN, Tool, command, inspector, installed, list_tools,
};

/// What `make up` starts, and its addresses.
struct Up {
    gateway: String,
    tools: String,
    redis: String,
    otlp: String,
    config: String,
    admins: Vec<String>,
    _running: Running,
    _folder: tempfile::TempDir,
}

impl Up {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("up");
        let path = std::env::var("PATH").unwrap();
        let target = installed("bin").ancestors().nth(2).unwrap().to_owned();
        let environment = [
            format!("HOLDPOINT_UP={}", home.display()),
            format!("HOLDPOINT_TOKEN={TOKEN}"),
            format!("CARGO_TARGET_DIR={}", target.display()),
            format!("PATH={path}"),
        ];
        let script = root().join("tests/e2e/up.sh").display().to_string();
        let running = Running::start("up", Path::new("env"), environment.into_iter().chain([script]));
        let wait = async {
            loop {
                match fs::read_to_string(home.join("addresses")) {
                    Ok(addresses) => return addresses,
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        let addresses = timeout(BOUND, wait).await.expect("the topology starts in time");
        let all = |name: &str| -> Vec<String> {
            let lines = addresses.lines().filter_map(|line| line.split_once('='));
            lines.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).collect()
        };
        let one = |name: &str| all(name).remove(0);
        Self {
            gateway: one("gateway"),
            tools: one("tools"),
            redis: one("redis"),
            otlp: one("otlp"),
            config: one("config"),
            admins: all("admin"),
            _running: running,
            _folder: folder,
        }
    }

    fn calls(&self, version: &str) -> tokio::task::JoinHandle<Value> {
        let (url, arguments) = (self.gateway.clone(), json!({ "version": version }));
        tokio::spawn(async move { inspector(&Tool { url: &url, name: "run_migration", arguments }).await })
    }

    async fn state(&self) -> Value {
        reqwest::get(format!("{}/state", self.tools)).await.unwrap().json().await.unwrap()
    }
}

#[tokio::test]
async fn the_walk_through_of_the_field_guide_on_the_whole_topology() {
    let up = Up::start().await;
    let [first, second, third] = [0, 1, 2].map(|n| Reviewer::new(&up.admins[n], TOKEN));

    // What only reads passes.
    let tools = list_tools(&up.gateway, Era::Modern).await;
    assert!(tools["tools"].to_string().contains("run_migration"), "{tools}");
    let public = up.gateway.replace("privileged", "public");
    let query = json!({ "sql": "select 1" });
    let read = inspector(&Tool { url: &public, name: "cluster_db_query", arguments: query }).await;
    assert_eq!(read["structuredContent"]["schema_version"], "v2", "{read}");
    assert_eq!(second.pending().await, Vec::<Value>::new());

    // A migration waits until it is approved, on whichever replica.
    let calling = up.calls("v3");
    let id = second.sees_one().await;
    assert_eq!(first.sees_one().await, id);
    assert_eq!(up.state().await["schema_version"], "v2");
    third.approves(&id).await;
    let answer = calling.await.unwrap();
    assert_eq!(
        answer["structuredContent"],
        json!({ "migrated": true, "from": "v2", "to": "v3" }),
        "{answer}"
    );

    // What is rejected never runs, and the agent reads why.
    let calling = up.calls("v4");
    let id = first.sees_one().await;
    second.rejects(&id, "freeze until Monday").await;
    let answer = calling.await.unwrap();
    assert_eq!(answer["isError"], true);
    assert!(answer["content"][0]["text"].as_str().unwrap().contains("freeze until Monday"), "{answer}");
    assert_eq!(up.state().await["schema_version"], "v3");

    // And nothing is wrong with any of it.
    eventually("the canaries", async || {
        let ready = first.ready().await;
        (ready["canary"]["status"] == "ok").then_some(())
    })
    .await;
    let envoy = root().join("deploy/envoy.yaml");
    let args = ["doctor", "--json", "--url", &up.admins[0], "--config", &up.config, "--gateway", &up.gateway];
    let args = [&args[..], &["--gateway-config", envoy.to_str().unwrap()]].concat();
    let environment = [
        ("HOLDPOINT_TOKEN", TOKEN),
        ("HOLDPOINT_REDIS_URL", &up.redis),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &up.otlp),
    ];
    let Output { status, stdout, .. } = command(&environment, &args).await;
    let report = String::from_utf8(stdout).unwrap();
    assert_eq!(status.code(), Some(0), "{report}");
    let report: Value = serde_json::from_str(&report).unwrap();
    let said = |about: &str| {
        let found = report["findings"].as_array().unwrap().iter().find(|finding| finding["about"] == about);
        found.unwrap_or_else(|| panic!("nothing about {about}: {report}"))["said"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(said("redis.replicas"), "2");
    assert!(said("gate.parks").contains("was parked and refused"));
    assert!(said("oidc.issuer").ends_with("answers and has keys"));
    assert_eq!(said("otlp.export"), "the collector takes traces");
}
