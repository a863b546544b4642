//! What is shipped to run Holdpoint with is whole: every file is there, is accepted, and is the one that was tried.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::eventually::eventually;
use crate::support::processes::{
    Era, Reviewer, Running, TOKEN, Tool, command, inspector, installed, list_tools,
};

const BOUND: Duration = Duration::from_secs(60);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn yaml(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn compose() -> Value {
    yaml(&root().join("docker-compose.yml")).remove(0)
}

/// The services of the compose file, by name.
fn services(compose: &Value) -> Vec<(&str, &Value)> {
    compose["services"].as_object().unwrap().iter().map(|(name, service)| (name.as_str(), service)).collect()
}

/// Every YAML file below a directory.
fn below(directory: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![root().join(directory)];
    while let Some(directory) = directories.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            match path.extension() {
                _ if path.is_dir() => directories.push(path),
                Some(extension) if extension == "yaml" => found.push(path),
                _ => {}
            }
        }
    }
    found
}

fn is_pinned(image: &str) -> bool {
    let tag = image.rsplit('/').next().and_then(|name| name.split_once(':')).map(|(_, tag)| tag);
    tag.is_some_and(|tag| tag.matches('.').count() >= 2 && tag.chars().any(|c| c.is_ascii_digit()))
}

#[test]
fn every_image_has_a_version() {
    let compose = compose();
    let mut images: Vec<String> =
        services(&compose).iter().map(|(_, service)| service["image"].as_str().unwrap().to_owned()).collect();
    let dockerfile = fs::read_to_string(root().join("Dockerfile")).unwrap();
    let from = dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")?.split(' ').next());
    images.extend(from.filter(|image| *image != "scratch").map(str::to_owned));
    for path in below("deploy/kubernetes") {
        let text = fs::read_to_string(&path).unwrap();
        images.extend(text.lines().filter_map(|line| line.trim().strip_prefix("image: ")).map(str::to_owned));
    }
    assert!(images.len() > 15, "{images:?}");
    assert_eq!(images.iter().filter(|image| !is_pinned(image)).collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(!is_pinned("redis") && !is_pinned("redis:latest") && !is_pinned("redis:7"));
}

#[test]
fn every_service_of_the_compose_file_is_looked_after_and_in_a_profile() {
    let compose = compose();
    for (name, service) in services(&compose) {
        let looked_after = &service["healthcheck"]["test"];
        // Its image has no shell; another service looks at it.
        let by_another = name == "agentgateway"
            && compose["services"]["gateway-ready"]["healthcheck"]["test"]
                .to_string()
                .contains("agentgateway:");
        assert!(looked_after.is_array() || by_another, "{name} has no health check");
        let profiles: Vec<&str> =
            service["profiles"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
        assert!(profiles.iter().all(|profile| ["minimal", "full"].contains(profile)), "{name}: {profiles:?}");
        for needed in service["depends_on"].as_object().into_iter().flat_map(|needed| needed.keys()) {
            assert!(compose["services"][needed].is_object(), "{name} needs {needed}");
        }
    }
    let full = services(&compose).into_iter().filter(|(_, s)| s["profiles"].to_string().contains("full"));
    let names: Vec<&str> = full.map(|(name, _)| name).collect();
    let count = |begin: &str| names.iter().filter(|name| name.starts_with(begin)).count();
    assert_eq!((count("holdpoint-"), count("redis-"), count("sentinel-")), (3, 3, 3));
}

#[tokio::test]
async fn every_file_that_the_compose_file_mounts_is_there_and_accepted() {
    let compose = compose();
    let mounts = services(&compose)
        .into_iter()
        .flat_map(|(_, s)| s["volumes"].as_array().cloned().unwrap_or_default());
    let files: Vec<PathBuf> = mounts
        .filter_map(|mount| Some(root().join(mount.as_str()?.strip_prefix("./")?.split(':').next()?)))
        .collect();
    assert!(files.len() > 10, "{files:?}");
    for file in &files {
        assert!(file.is_file(), "{} is not there", file.display());
    }
    let file = root().join("deploy/compose/holdpoint.yaml");
    assert!(files.contains(&file));
    let Output { status, stdout, .. } = command(&[], &["config", "check", file.to_str().unwrap()]).await;
    assert!(status.success());
    assert!(String::from_utf8(stdout).unwrap().ends_with("2 rules, 0 warnings\n"));
}

#[tokio::test]
async fn a_configuration_is_checked_before_it_is_used() {
    for path in below("deploy").into_iter().filter(|path| path.ends_with("holdpoint.yaml")) {
        let Output { status, stdout, .. } = command(&[], &["config", "check", path.to_str().unwrap()]).await;
        let said = String::from_utf8(stdout).unwrap();
        assert!(status.success() && said.contains(" 0 warnings"), "{said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("holdpoint.yaml");
    fs::write(&file, "policy: { defaults: { queue: holdpoint-probe } }").unwrap();
    let Output { status, stderr, .. } = command(&[], &["config", "check", file.to_str().unwrap()]).await;
    assert_eq!(status.code(), Some(1));
    let said = String::from_utf8(stderr).unwrap();
    assert!(said.contains("the queue holdpoint-probe is reserved for probes"), "{said}");
}

#[tokio::test]
async fn the_doctor_finds_nothing_wrong_with_the_gateways_that_are_shipped() {
    let away = format!("http://127.0.0.1:{}", crate::support::processes::free_port());
    for file in
        ["envoy.yaml", "agentgateway.yaml", "compose/agentgateway.yaml", "kubernetes/agentgateway/gate.yaml"]
    {
        let path = root().join("deploy").join(file);
        let path = path.to_str().unwrap();
        let Output { stdout, .. } =
            command(&[], &["doctor", "--json", "--url", &away, "--gateway-config", path]).await;
        let report: Value = serde_json::from_slice(&stdout).unwrap_or_else(|_| panic!("{file}: no report"));
        let findings = report["findings"].as_array().unwrap();
        let of_gateway = |finding: &&Value| finding["about"] != "service.ready";
        assert!(findings.iter().filter(of_gateway).count() > 2, "{file}: {report}");
        let failed = findings.iter().filter(of_gateway).filter(|finding| finding["level"] == "failed");
        assert_eq!(failed.collect::<Vec<_>>(), Vec::<&Value>::new(), "{file}");
    }
}

/// What is wrong with these manifests, by the schemas of their makers, a line each, and how many are right.
async fn judged(manifests: &[(String, Value)]) -> String {
    let mut judge = Command::new(installed("modern/bin/python"))
        .arg(root().join("tests/e2e/manifests.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let lines = manifests
        .iter()
        .map(|(place, manifest)| json!({ "place": place, "manifest": manifest }).to_string() + "\n");
    let mut stdin = judge.stdin.take().unwrap();
    stdin.write_all(lines.collect::<String>().as_bytes()).await.unwrap();
    drop(stdin);
    let output = timeout(BOUND, judge.wait_with_output()).await.expect("an answer in time").unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn manifests() -> Vec<(String, Value)> {
    let is_manifest =
        |path: &PathBuf| !path.ends_with("kustomization.yaml") && !path.ends_with("holdpoint.yaml");
    let place = |path: &Path| path.strip_prefix(root()).unwrap().display().to_string();
    let files = below("deploy/kubernetes").into_iter().filter(is_manifest);
    files.flat_map(|path| yaml(&path).into_iter().map(move |manifest| (place(&path), manifest))).collect()
}

#[tokio::test]
async fn manifests_are_as_kubernetes_and_the_gateway_define_them() {
    let manifests = manifests();
    assert!(manifests.len() > 20);
    assert_eq!(judged(&manifests).await, format!("{} right\n", manifests.len()));
}

#[tokio::test]
async fn a_manifest_with_a_mistake_is_found_out() {
    let find = |kind: &str| manifests().into_iter().find(|(_, manifest)| manifest["kind"] == kind).unwrap();
    let mut deployment = find("Deployment");
    deployment.1["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = json!({});
    let mut policy = manifests().into_iter().find(|(_, m)| m["spec"]["traffic"].is_object()).unwrap();
    policy.1["spec"]["traffic"]["extAuth"]["failureMode"] = json!("Open");
    let mut route = find("HTTPRoute");
    route.1["spec"]["rules"][0]["timeout"] = json!("1s");
    let said = judged(&[deployment, policy, route]).await;
    for mistake in ["readynessProbe", "failureMode", "timeout"] {
        assert!(said.contains(mistake), "{said}");
    }
    assert!(said.ends_with("\n0 right\n"), "{said}");
}

#[test]
fn every_file_that_a_kustomization_names_is_there() {
    let kustomizations: Vec<PathBuf> =
        below("deploy/kubernetes").into_iter().filter(|path| path.ends_with("kustomization.yaml")).collect();
    assert_eq!(kustomizations.len(), 5);
    for path in kustomizations {
        let (folder, kustomization) = (path.parent().unwrap(), yaml(&path).remove(0));
        let listed = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let mut named = listed(&kustomization["resources"]);
        named.extend(
            listed(&kustomization["configMapGenerator"]).iter().flat_map(|made| listed(&made["files"])),
        );
        named.extend(listed(&kustomization["patches"]).iter().map(|patch| patch["path"].clone()));
        assert!(!named.is_empty());
        for name in named {
            assert!(folder.join(name.as_str().unwrap()).exists(), "{}: {name}", path.display());
        }
    }
}

#[test]
fn a_replica_in_kubernetes_has_time_to_leave() {
    let deployment = yaml(&root().join("deploy/kubernetes/base/deployment.yaml")).remove(0);
    let pod = &deployment["spec"]["template"]["spec"];
    let before_stop = &pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"];
    for file in ["base", "overlays/production"] {
        let path = root().join("deploy/kubernetes").join(file).join("holdpoint.yaml");
        let shutdown = holdpoint::config::Config::load(&path).unwrap().config.shutdown;
        let leaves = shutdown.grace.get() + shutdown.drain.get() + Duration::from_secs(5);
        let needed = leaves.as_secs() + before_stop.as_u64().unwrap();
        assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > needed, "{file}");
    }
}

/// What `make up` starts, and its addresses.
struct Up {
    gateway: String,
    tools: String,
    redis: String,
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
    let args =
        ["doctor", "--json", "--url", &up.admins[0], "--redis-url", &up.redis, "--gateway", &up.gateway];
    let args = [&args[..], &["--gateway-config", envoy.to_str().unwrap()]].concat();
    let Output { status, stdout, .. } = command(&[("HOLDPOINT_TOKEN", TOKEN)], &args).await;
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
}
