//! The manifests for Kubernetes, as kustomize makes them out of the overlays.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use holdpoint::config::Config;
use holdpoint::telemetry::metrics::LIST;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::{BOUND, root};
use crate::support::processes::installed;

/// What is applied to a cluster.
const OVERLAYS: [&str; 3] = ["overlays/kind", "overlays/production", "kagent"];

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

/// What this overlay comes to.
async fn made(overlay: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("kubernetes");
    let status = Command::new("cp").arg("-r").arg(root().join("deploy/kubernetes")).arg(&copy).status().await;
    assert!(status.unwrap().success());
    // kind.sh writes this one.
    fs::write(copy.join("overlays/kind/holdpoint.env"), "redis-url=redis://redis:6379\ntoken=secret\n")
        .unwrap();
    let mut kustomize = Command::new(installed("bin/kustomize"));
    let output = kustomize.arg("build").arg(copy.join(overlay)).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_saphyr::from_multiple(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

/// The first manifest of this kind.
fn first(manifests: &[Value], kind: &str) -> Value {
    manifests.iter().find(|manifest| manifest["kind"] == kind).unwrap().clone()
}

#[tokio::test]
async fn overlays_are_as_kubernetes_and_the_gateway_define_them() {
    for overlay in OVERLAYS {
        let manifests: Vec<_> =
            made(overlay).await.into_iter().map(|manifest| (overlay.to_owned(), manifest)).collect();
        assert!(manifests.len() > 3, "{overlay}");
        assert_eq!(judged(&manifests).await, format!("{} right\n", manifests.len()));
    }
}

#[tokio::test]
async fn a_manifest_with_a_mistake_is_found_out() {
    let manifests = made("overlays/kind").await;
    let [mut deployment, mut policy, mut route] =
        ["Deployment", "AgentgatewayPolicy", "HTTPRoute"].map(|kind| first(&manifests, kind));
    deployment["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = json!({});
    policy["spec"]["traffic"]["extAuth"]["failureMode"] = json!("Open");
    route["spec"]["rules"][0]["timeout"] = json!("1s");
    let mistaken = [deployment, policy, route].map(|manifest| (String::new(), manifest));
    let said = judged(&mistaken).await;
    for mistake in ["readynessProbe", "failureMode", "timeout"] {
        assert!(said.contains(mistake), "{said}");
    }
    assert!(said.ends_with("\n0 right\n"), "{said}");
}

/// The objects that this part of a manifest names, by kind and name.
fn named(part: &Value, found: &mut Vec<(String, String)>) {
    let mut add = |kind: &str, name: &Value| {
        found.extend(name.as_str().map(|name| (kind.to_owned(), name.to_owned())));
    };
    if let (Some(kind), name @ Value::String(_)) = (part["kind"].as_str(), &part["name"]) {
        add(kind, name);
    }
    if part["backendRef"]["kind"].is_null() {
        add("Service", &part["backendRef"]["name"]);
    }
    add("ConfigMap", &part["configMap"]["name"]);
    add("ServiceAccount", &part["serviceAccountName"]);
    add("Gateway", &part["parentRefs"][0]["name"]);
    match part {
        Value::Object(members) => members.values().for_each(|inner| named(inner, found)),
        Value::Array(items) => items.iter().for_each(|inner| named(inner, found)),
        _ => {}
    }
}

#[tokio::test]
async fn whatever_a_manifest_names_is_there() {
    for overlay in OVERLAYS {
        let manifests = made(overlay).await;
        let is_there = |(kind, name): &(String, String)| {
            manifests.iter().any(|m| m["kind"] == **kind && m["metadata"]["name"] == **name)
        };
        for manifest in &manifests {
            let mut wanted = Vec::new();
            named(&manifest["spec"], &mut wanted);
            wanted.retain(|wanted| !is_there(wanted));
            assert_eq!(wanted, [], "{overlay}: {} {}", manifest["kind"], manifest["metadata"]["name"]);
        }
    }
}

#[tokio::test]
async fn services_budgets_and_network_policies_select_pods_that_are_there() {
    let manifests = made("overlays/kind").await;
    let pods: Vec<&Value> = manifests
        .iter()
        .map(|m| &m["spec"]["template"]["metadata"]["labels"])
        .filter(|l| l.is_object())
        .collect();
    let mut selectors = 0;
    for manifest in &manifests {
        let (spec, name) = (&manifest["spec"], &manifest["metadata"]["name"]);
        let wanted = match manifest["kind"].as_str().unwrap() {
            "Service" => &spec["selector"],
            "PodDisruptionBudget" => &spec["selector"]["matchLabels"],
            "NetworkPolicy" => &spec["podSelector"]["matchLabels"],
            _ => continue,
        };
        assert!(pods.contains(&wanted), "{} {name} selects {wanted}", manifest["kind"]);
        selectors += 1;
    }
    assert_eq!(selectors, 6);
}

#[tokio::test]
async fn a_replica_in_kubernetes_is_asked_what_is_meant_and_has_time_to_leave() {
    for overlay in ["overlays/kind", "overlays/production"] {
        let manifests = made(overlay).await;
        let pod = first(&manifests, "Deployment")["spec"]["template"]["spec"].take();
        let container = &pod["containers"][0];
        assert_eq!(
            container["readinessProbe"]["httpGet"]["path"], "/readyz",
            "without Redis it is not ready"
        );
        assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/livez", "without Redis it lives");

        let config = first(&manifests, "ConfigMap");
        let config = config["data"]["holdpoint.yaml"].as_str().unwrap();
        let shutdown = Config::read(config, Path::new(overlay)).unwrap().config.shutdown;
        let leaves = shutdown.grace.get() + shutdown.drain.get() + Duration::from_secs(5);
        let needed =
            leaves.as_secs() + container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
        assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > needed, "{overlay}");

        let autoscaler = first(&manifests, "HorizontalPodAutoscaler");
        let metric = &autoscaler["spec"]["metrics"][0]["pods"]["metric"]["name"];
        assert!(LIST.iter().any(|there| metric == there.name), "{metric}");
    }
}
