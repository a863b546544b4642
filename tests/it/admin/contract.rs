//! What `/openapi.json` says is what is served.

use std::collections::BTreeSet;
use std::time::Duration;

use holdpoint::domain::sample;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use super::site::{ALICE, Site, problem};
use crate::support::processes::{Running, installed};

/// What only the page's own pages and scripts ask for.
const PAGE: [&str; 11] = [
    "/",
    "/a/{id}",
    "/a/{id}/diff/{other}",
    "/history",
    "/cards/{id}",
    "/events",
    "/login",
    "/login/start",
    "/login/callback",
    "/logout",
    "/assets/{name}",
];

/// Longer than it takes.
const BOUND: Duration = Duration::from_secs(120);

async fn document(site: &Site) -> Value {
    let answer = site.request(Method::GET, "/openapi.json").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "without a token");
    assert_eq!(answer.headers()["content-type"], "application/json");
    answer.json().await.unwrap()
}

/// The operations of the table of routes. One route takes several verbs.
fn routes() -> BTreeSet<(String, String)> {
    let table = include_str!("../../../src/admin.rs").split(".route(").skip(1);
    let routes = table.map(|route| route.trim().trim_start_matches('"').split_once('"').expect("a path"));
    let mut found = BTreeSet::new();
    for (path, handlers) in routes.filter(|(path, _)| !PAGE.contains(path)) {
        for method in ["get", "post", "delete"].into_iter().filter(|m| handlers.contains(&format!("{m}("))) {
            let paths = match (method, path) {
                ("post", "/v1/approvals/{id}") => ["cancel", "revoke", "extend", "break-glass"]
                    .map(|verb| format!("{path}:{verb}"))
                    .to_vec(),
                _ => vec![path.to_owned()],
            };
            found.extend(paths.into_iter().map(|path| (path, method.to_owned())));
        }
    }
    found
}

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let document = document(&Site::open().await).await;
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        described.extend(item.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())));
    }
    assert!(described.len() > 15, "{described:?}");
    assert_eq!(described, routes());
}

#[tokio::test]
async fn every_problem_is_described() {
    let document = document(&Site::open().await).await;
    let types = document["components"]["schemas"]["ProblemType"]["enum"].as_array().unwrap();
    let types: BTreeSet<_> = types.iter().map(|t| t.as_str().unwrap().rsplit('/').next().unwrap()).collect();
    let source = include_str!("../../../src/admin/error.rs").split(": Kind =").skip(1);
    assert_eq!(types, source.map(|kind| kind.split('"').nth(1).unwrap()).collect());
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let document = document(&Site::open().await).await;
    let text = document.to_string();
    let references: BTreeSet<_> =
        text.split(r##""$ref":"#"##).skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(references.len() > 20, "{references:?}");
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn an_approval_and_what_is_done_to_it_allow_what_they_take() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    for (verb, methods) in [("", "GET,HEAD"), (":cancel", "POST")] {
        let path = format!("/v1/approvals/{}{verb}", parked.id);
        let response = site.request(Method::PUT, &path).bearer_auth(ALICE).send().await.unwrap();
        assert_eq!(response.headers()["allow"], methods);
        problem(response, 405, "invalid-request").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_as_described_whatever_is_asked() {
    let site = Site::open().await;
    let waits = site.park(sample::held()).await;
    let schema = format!("{}/openapi.json", site.url);
    let token = format!("Authorization: Bearer {ALICE}");
    // Nothing that fits its schema may be refused, but for what no schema can say: a place in a list is made up by nobody
    // but the list, only identical calls are approved at once, and what is well formed may still need a reason or
    // another key (422). A stream of events has no end to wait for.
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("schemathesis.toml");
    let refusing = ["GET /v1/approvals", "GET /v1/audit", "POST /v1/approvals:batchDecide"];
    let accepting = "[checks.positive_data_acceptance]\nexpected-statuses = \
        ['2xx', '3xx', '401', '403', '404', '409', '422', '429', '5xx']\n";
    let refusing = refusing.map(|operation| {
        format!(
            "[[operations]]\ninclude-name = '{operation}'\nchecks.positive_data_acceptance.enabled = false\n"
        )
    });
    std::fs::write(&settings, format!("{accepting}{}", refusing.concat())).unwrap();
    let mut tester = Running::start(
        "schemathesis",
        &installed("schemathesis/bin/schemathesis"),
        [
            &["--config-file", settings.to_str().unwrap()],
            &["run", &schema, "--header", &token, "--exclude-path", "/v1/approvals:watch"][..],
            &[
                "--phases",
                "examples,coverage,fuzzing",
                "--mode",
                "all",
                "--max-examples",
                "20",
                "--seed",
                "20260101",
            ],
            &["--generation-database", "none", "--continue-on-failure", "--no-color"],
        ]
        .concat(),
    );
    let ended = timeout(BOUND, tester.ended()).await.expect("it ends");
    assert!(ended.success(), "{}", tester.stdout());
    drop(waits);
}
