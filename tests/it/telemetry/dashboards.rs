//! What is in `deploy` and `docs` names metrics that are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use holdpoint::telemetry::metrics::LIST;
use serde_json::Value;

use super::metrics::exposed;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The metrics that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("holdpoint_")).map(str::to_owned).collect()
}

/// The labels that an expression selects or groups by.
fn labels(expression: &str) -> Vec<&str> {
    let between = |open, close| {
        let parts = expression.split(open).skip(1);
        parts.filter_map(move |part: &str| part.split(close).next()).flat_map(|list| list.split(','))
    };
    let grouped = between("by (", ")").map(str::trim);
    grouped.chain(between("{", "}").filter_map(|matcher| matcher.split(['=', '!']).next())).collect()
}

fn assert_there(whose: &str, expression: &str) {
    let (names, there) = (named(expression), exposed());
    assert!(!names.is_empty(), "{whose} looks at nothing: {expression}");
    for name in &names {
        assert!(there.contains(name), "{whose}: there is no metric {name}");
    }
    let looked_at = LIST.iter().filter(|metric| names.iter().any(|name| name.starts_with(metric.name)));
    let has: BTreeSet<_> = looked_at.flat_map(|metric| metric.labels).copied().chain(["le"]).collect();
    for label in labels(expression) {
        assert!(has.contains(label), "{whose}: nothing here has a label {label}: {expression}");
    }
    let over_time = ["rate(", "increase("].map(|function| expression.matches(function).count());
    assert_eq!(over_time.iter().sum::<usize>(), expression.matches('[').count(), "{whose}: {expression}");
    let closed = |open, close| expression.matches(open).count() == expression.matches(close).count();
    assert!(closed('(', ')') && closed('{', '}') && closed('[', ']'), "{whose}: {expression}");
}

#[test]
fn the_document_lists_every_metric_with_its_labels_and_no_other() {
    let text = read("docs/telemetry.md");
    let rows: BTreeSet<(String, String)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `holdpoint_"))
        .map(|row| {
            let mut cells = row.split('|').map(|cell| cell.trim().replace('`', ""));
            (format!("holdpoint_{}", cells.next().unwrap()), cells.next().unwrap())
        })
        .collect();
    let list = LIST.iter().map(|metric| (metric.name.to_owned(), metric.labels.join(", "))).collect();
    assert_eq!(rows, list);
}

#[test]
fn the_dashboard_shows_metrics_that_are_there() {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/holdpoint.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    assert!(panels.len() > 8);
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let title = panel["title"].as_str().expect("a title");
        let targets = panel["targets"].as_array().unwrap_or_else(|| panic!("{title} shows nothing"));
        for target in targets {
            assert_there(title, target["expr"].as_str().expect("an expression"));
        }
    }
}

#[test]
fn the_dashboard_leaves_no_metric_out() {
    let shown = named(&read("deploy/grafana/holdpoint.json"));
    for metric in LIST {
        let is_shown = shown.iter().any(|name| name.starts_with(metric.name));
        assert!(is_shown, "the dashboard does not show {}", metric.name);
    }
}

#[test]
fn the_document_lists_every_transition() {
    let (text, store) = (read("docs/telemetry.md"), read("src/store/around.rs"));
    let row = text.lines().find(|line| line.starts_with("| `transition` |")).expect("a row of transitions");
    let listed: BTreeSet<_> = row.split('`').skip(3).step_by(2).collect();
    let measured = store.split("self.around(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    assert_eq!(listed, measured.collect());
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Alerts {
    groups: Vec<Group>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    rules: Vec<Alert>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Alert {
    alert: String,
    expr: String,
    #[serde(rename = "for")]
    lasting: Option<String>,
    labels: Labels,
    annotations: Annotations,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    severity: String,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Annotations {
    summary: String,
    runbook_url: String,
}

#[test]
fn every_alert_looks_at_metrics_that_are_there_and_has_a_runbook_entry() {
    let alerts: Alerts = serde_saphyr::from_str(&read("deploy/prometheus/alerts.yaml")).expect("alert rules");
    let runbook = read("docs/runbook.md");
    let mut told = BTreeSet::new();
    for group in &alerts.groups {
        assert!(!group.name.is_empty() && !group.rules.is_empty());
        for rule in &group.rules {
            assert_there(&rule.alert, &rule.expr);
            assert!(["page", "ticket"].contains(&rule.labels.severity.as_str()), "{}", rule.alert);
            assert!(
                rule.lasting.as_ref().is_none_or(|span| span.ends_with(['s', 'm', 'h'])),
                "{}",
                rule.alert
            );
            assert!(rule.annotations.summary.ends_with('.'), "{}", rule.alert);
            let entry = format!("\n## {}\n", rule.alert);
            assert!(runbook.contains(&entry), "docs/runbook.md says nothing of {}", rule.alert);
            let anchor = format!("docs/runbook.md#{}", rule.alert.to_lowercase());
            assert!(rule.annotations.runbook_url.ends_with(&anchor), "{}", rule.alert);
            told.insert(rule.alert.as_str());
        }
    }
    let headings: BTreeSet<_> =
        runbook.lines().filter_map(|line| line.strip_prefix("## Holdpoint")).collect();
    let alerts: BTreeSet<_> = told.iter().filter_map(|name| name.strip_prefix("Holdpoint")).collect();
    assert_eq!(headings, alerts);
}
