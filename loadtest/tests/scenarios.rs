//! A short run of each scenario, on replicas and a Redis of their own. How fast it is does not matter here.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const SOON: [&str; 4] = ["--seconds", "0.5", "--warm-up", "0.2"];

fn loadtest(args: &[&str]) -> Output {
    let loadtest = env!("CARGO_BIN_EXE_holdpoint-loadtest");
    Command::new(loadtest).args(args).output().expect("the load test starts")
}

/// Runs a scenario that has to succeed, without an error, and returns what it wrote.
fn found(args: &[&str]) -> Value {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("a path in UTF-8");
    let run = loadtest(&[args, &["--json", path, "--assert", "errors = 0"]].concat());
    let (table, told) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{table}\n{told}");
    let text = std::fs::read_to_string(path).expect("a file is written");
    serde_json::from_str(&text).expect("JSON")
}

fn values(found: &Value, name: &str) -> Vec<f64> {
    let figures = found["figures"].as_array().expect("figures");
    let figure = figures.iter().find(|figure| figure["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    serde_json::from_value(figure["values"].clone()).expect("numbers")
}

fn value(found: &Value, name: &str) -> f64 {
    values(found, name)[0]
}

#[test]
fn pass_measures_the_gate_and_a_bare_server() {
    let found = found(&[&["pass", "--rate", "100", "--at-once", "4"], &SOON[..]].concat());
    assert!(value(&found, "pass_p50") > 0.0 && value(&found, "echo_p50") > 0.0);
    let ratio = value(&found, "checks") / value(&found, "echo_checks");
    assert_eq!(value(&found, "checks_ratio"), ratio);
}

#[test]
fn park_holds_calls_and_lets_all_of_them_go() {
    let found = found(&["park", "--parked", "50", "--arrivals", "100", "--hold", "300ms", "--looks", "3"]);
    assert_eq!(value(&found, "parked"), 50.0);
    assert!(value(&found, "replica_per_call") > 0.0 && value(&found, "redis_per_call") > 0.0);
    assert!(value(&found, "release_max") <= value(&found, "release_all") * 1e3 * 1.01);
}

#[test]
fn flow_is_decided_at_another_replica_and_compared_with_the_embedded_store() {
    let more = ["--local", "2", "--rate", "20", "--thinking", "50ms", "--yardstick"];
    let found = found(&[&["flow"], &more[..], &SOON[..]].concat());
    let ratio = value(&found, "release_p50") / value(&found, "embedded_release_p50");
    assert_eq!(value(&found, "embedded_p50_ratio"), ratio);
}

#[test]
fn burst_counts_whole_cycles_and_two_rounds_are_compared_with_two() {
    let burst = ["burst", "--parked", "60", "--rounds", "2", "--api", "field-guide", "--like", "envoy"];
    let folder = tempfile::tempdir().expect("a folder");
    let (before, plots) = (folder.path().join("before.json"), folder.path().join("plots"));
    let path = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    let first = loadtest(&[&burst[..], &["--json", &path(&before)]].concat());
    assert!(first.status.success());
    let more = ["--against", &path(&before), "--plots", &path(&plots)];
    let run = loadtest(&[&burst[..], &more].concat());
    let table = String::from_utf8_lossy(&run.stdout);
    let (_, compared) = table.split_once("against burst --parked 60").expect("a comparison");
    let cycles = compared.lines().find(|line| line.starts_with("cycles")).expect("the figure");
    assert!(["within noise", "less", "more"].iter().any(|verdict| cycles.ends_with(verdict)), "{cycles}");
    for plot in ["latency.svg", "release.svg", "parked.svg", "memory.svg"] {
        let svg = std::fs::read_to_string(plots.join(plot)).expect(plot);
        assert!(svg.starts_with("<svg") && svg.contains("<path d=\"M"), "{plot}");
    }
}

#[test]
fn soak_tells_what_grows() {
    let found = found(&[&["soak", "--rate", "20", "--thinking", "50ms"], &SOON[..]].concat());
    assert_eq!(values(&found, "replica_growth").len(), 1);
}

#[test]
fn mixed_measures_what_passes_alone_and_beside_what_waits() {
    let found = found(&[&["mixed", "--parked", "50", "--rate", "100"], &SOON[..]].concat());
    let ratio = value(&found, "pass_parked_p99") / value(&found, "pass_p99");
    assert_eq!(value(&found, "p99_ratio"), ratio);
}

#[test]
fn restart_waits_until_every_call_is_looked_at() {
    let found = found(&["restart", "--parked", "30", "--arrivals", "100"]);
    assert!(value(&found, "reconciled") > 0.0);
}

#[test]
fn the_document_is_written_out_of_what_runs_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).to_str().expect("a path in UTF-8").to_owned();
    let run = loadtest(&["burst", "--parked", "20", "--embedded", "--json", &file("burst.json")]);
    assert!(run.status.success());
    let written = loadtest(&["report", "--from", &file(""), "--to", &file("performance.md")]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let text = std::fs::read_to_string(file("performance.md")).expect("a document");
    assert!(text.contains("holdpoint-loadtest burst --parked 20 --embedded`\n"), "{text}");
    for part in ["{machine}", "{goals}", "{growth}", "{runs}"] {
        assert!(!text.contains(part), "{part} is still there");
    }
}

#[test]
fn an_assertion_that_does_not_hold_fails_the_run() {
    let run = loadtest(&["burst", "--parked", "10", "--assert", "release_all < 0.001ms"]);
    assert!(!run.status.success());
    assert!(String::from_utf8_lossy(&run.stderr).contains("this does not hold: release_all < 0.001ms"));
}

#[test]
fn a_figure_that_is_unknown_is_refused_before_the_run() {
    let run =
        loadtest(&["burst", "--gate", "http://127.0.0.1:1", "--admin", "x", "--assert", "list_p99 < 2ms"]);
    assert!(!run.status.success());
    assert!(
        String::from_utf8_lossy(&run.stderr).contains("no figure \"list_p99\" here; there are park_rate,")
    );
}
