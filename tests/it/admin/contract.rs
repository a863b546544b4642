//! What `/openapi.json` says is what is served.

use std::collections::BTreeSet;
use std::time::Duration;

use holdpoint::domain::sample;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use super::site::{ALICE, Site};
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_as_described_whatever_is_asked() {
    let site = Site::open().await;
    let waits = site.park(sample::held()).await;
    let schema = format!("{}/openapi.json", site.url);
    let token = format!("Authorization: Bearer {ALICE}");
    // Two checks do not fit: what is right by its form may still name what is not there, and the router's `Allow` is
    // that of the path with a verb and without. A stream of events has no end to wait for.
    let mut tester = Running::start(
        "schemathesis",
        &installed("schemathesis/bin/schemathesis"),
        [
            &["run", &schema, "--header", &token, "--exclude-path", "/v1/approvals:watch"][..],
            &["--checks", "all", "--exclude-checks", "positive_data_acceptance,allow_header_conformance"],
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
