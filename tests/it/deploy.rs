//! What is shipped to run Holdpoint with is whole: every file is there, is accepted, and is the one that was tried.

mod manifests;
mod walk_through;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::processes::{command, free_port};

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

#[test]
fn people_are_sent_to_the_login_of_the_compose_file_and_back_to_the_replica_that_sent_them() {
    let compose = compose();
    let [login, holdpoint] =
        ["dex.yaml", "holdpoint.yaml"].map(|file| yaml(&root().join("deploy/compose").join(file)).remove(0));
    let (oidc, client) = (&holdpoint["admin"]["oidc"], &login["staticClients"][0]);
    assert_eq!((&oidc["issuer"], &oidc["client_id"]), (&login["issuer"], &client["id"]));
    let secret = fs::read_to_string(root().join("deploy/compose/login-secret")).unwrap();
    assert_eq!(client["secret"], secret.trim());
    let name = login["issuer"].as_str().unwrap().split(['/', ':']).nth(3).unwrap();
    assert_eq!(compose["services"]["login"]["networks"]["default"]["aliases"], json!([name]));

    let is_replica = |(name, _): &(&str, &Value)| name.starts_with("holdpoint");
    for (name, service) in services(&compose).into_iter().filter(is_replica) {
        let own = &service["environment"]["HOLDPOINT_ADMIN_URL"];
        let url = own.as_str().or(holdpoint["admin"]["url"].as_str()).unwrap();
        let published = url.replace("http://", "") + ":8081";
        assert_eq!(service["ports"], json!([published]), "{name}");
        let back = json!(format!("{url}/login/callback"));
        assert!(client["redirectURIs"].as_array().unwrap().contains(&back), "{name}: {back}");
    }
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
    let away = format!("http://127.0.0.1:{}", free_port());
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
