//! The manifests for Kubernetes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::{BOUND, below, root, yaml};
use crate::support::processes::installed;

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
