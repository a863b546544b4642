//! What auditors find, export and prove.

use std::fs;
use std::process::{Command, Output};

use holdpoint::domain::approval::Held;
use holdpoint::domain::audit::{Sha256Hex, verify};
use holdpoint::domain::outcome::Outcome;
use holdpoint::domain::sample;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::site::{ALICE, BOB, DORA, Site, held_for, problem};
use crate::support::eventually::eventually;

/// The entries that match, as they were when they were all there.
pub async fn entries(site: &Site, query: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} entries of {query:?}"), async || {
        site.audit.seal_all().await;
        let found = site.json(&format!("/v1/audit{query}")).await;
        let entries = found["entries"].as_array().unwrap().clone();
        (entries.len() == count).then_some(entries)
    })
    .await
}

fn words(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|line| line["entry"]["event"].as_str().unwrap()).collect()
}

async fn decided(site: &Site, held: Held) -> String {
    let parked = site.park(held).await;
    site.get(&format!("/v1/approvals/{}", parked.id)).await;
    entries(site, &format!("?approval={}", parked.id), 2).await;
    let decision = parked.decision("approve", "=agreed");
    assert_eq!(site.post(ALICE, &parked.decisions(), &decision).await.status(), StatusCode::OK);
    let id = parked.id.to_string();
    parked.outcome().await;
    id
}

fn holdpoint(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_holdpoint")).env_clear().args(args).output().unwrap()
}

#[tokio::test]
async fn what_became_of_a_call_is_found_with_who_looked_and_how_they_were_authenticated() {
    let site = Site::open().await;
    let id = decided(&site, sample::held()).await;
    let found = entries(&site, &format!("?approval={id}"), 4).await;
    assert_eq!(words(&found), ["released", "approved", "shown", "requested"]);
    for entry in &found[1..3] {
        assert_eq!(
            (&entry["entry"]["who"], &entry["entry"]["detail"]["proof"]),
            (&"alice".into(), &"token alice".into())
        );
    }
    assert_eq!(found[1]["entry"]["detail"]["reason"], "=agreed");
    assert_eq!(found[2]["entry"]["detail"]["fingerprint"], found[2]["entry"]["call"]["fingerprint"]);
    assert_eq!(entries(&site, "?outcome=released&tool=run_migration", 1).await, found[..1]);
    problem(site.get("/v1/audit?colour=red").await, 400, "invalid-request").await;
    problem(site.get("/v1/audit?outcome=maybe").await, 400, "invalid-request").await;
}

#[tokio::test]
async fn a_decision_that_is_refused_is_in_the_audit_with_why() {
    let site = Site::open().await;
    let parked = site.park(held_for("sre")).await;
    let refused = site.post(DORA, &parked.decisions(), &parked.decision("approve", "")).await;
    problem(refused, 403, "not-eligible").await;
    let found = entries(&site, "?outcome=refused", 1).await;
    let entry = &found[0]["entry"];
    assert_eq!((&entry["who"], &entry["approval"]), (&"dora".into(), &parked.id.to_string().into()));
    assert!(entry["detail"]["why"].as_str().unwrap().contains("only members of sre"), "{entry}");
}

#[tokio::test]
async fn an_act_that_is_refused_is_in_the_audit_with_why() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let act = async |token: &str, verb: &str, body: &str| {
        site.post(token, &format!("/v1/approvals/{}:{verb}", parked.id), body).await
    };
    problem(act(ALICE, "revoke", r#"{"reason":"early"}"#).await, 409, "not-approved").await;
    let found = entries(&site, "?outcome=refused", 1).await;
    let entry = &found[0]["entry"];
    assert_eq!((&entry["who"], &entry["approval"]), (&"alice".into(), &parked.id.to_string().into()));
    assert_eq!(entry["detail"]["verb"], "revoke");
    assert_eq!(entry["detail"]["why"], "it is not approved yet");
    let glass = format!(r#"{{"reason":"now","ticket":"INC-1","fingerprint":"{}"}}"#, "11".repeat(32));
    problem(act(DORA, "break-glass", &glass).await, 403, "not-eligible").await;
    let found = entries(&site, "?outcome=refused", 2).await;
    let entry = &found[0]["entry"];
    assert_eq!((&entry["who"], &entry["detail"]["ticket"]), (&"dora".into(), &"INC-1".into()));
}

#[tokio::test]
async fn an_act_is_in_the_audit_with_how_its_person_was_authenticated() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    for (verb, body) in [("extend", r#"{"reason":"lunch","seconds":60}"#), ("cancel", r#"{"reason":"over"}"#)]
    {
        let path = format!("/v1/approvals/{}:{verb}", parked.id);
        let done = site.post(ALICE, &path, body).await;
        assert_eq!(done.status(), StatusCode::OK, "{}", done.text().await.unwrap());
    }
    for outcome in ["extended", "cancelled"] {
        let found = entries(&site, &format!("?outcome={outcome}"), 1).await;
        let entry = &found[0]["entry"];
        assert_eq!((&entry["who"], &entry["detail"]["proof"]), (&"alice".into(), &"token alice".into()));
    }
}

#[tokio::test]
async fn an_export_verifies_and_its_table_has_no_formulas() {
    let site = Site::open().await;
    let id = decided(&site, sample::held()).await;
    entries(&site, &format!("?approval={id}"), 4).await;
    let lines = site.get("/v1/audit:export").await.text().await.unwrap();
    assert_eq!(verify(&lines, None).unwrap().chains["default"].last, 4);
    let table = site.get("/v1/audit:export?format=csv").await;
    assert_eq!(table.headers()["content-type"], "text/csv; charset=utf-8");
    let table = table.text().await.unwrap();
    assert!(table.starts_with("chain,number,at,") && table.contains(",\"'=agreed\","), "{table}");
    let none = site.get("/v1/audit:export?until=2020-01-01T00:00:00Z").await.text().await.unwrap();
    assert_eq!(none, "");
}

#[tokio::test]
async fn the_evidence_of_an_approval_is_one_file_that_verifies_offline() {
    let site = Site::open().await;
    let mut held = sample::held();
    held.redacted.dropped = vec!["/arguments/password".into()];
    held.terms.reviewers = vec![holdpoint::domain::ids::Group("dba".into())];
    let id = decided(&site, held).await;
    site.park(sample::held()).await;
    entries(&site, &format!("?approval={id}"), 4).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evidence.json");
    let text = site.get(&format!("/v1/approvals/{id}/evidence")).await.text().await.unwrap();
    let evidence: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        words(evidence["entries"].as_array().unwrap()),
        ["requested", "shown", "approved", "released"]
    );
    let approval = &evidence["approval"];
    assert_eq!(approval["votes"][0]["reviewer"], "alice");
    assert_eq!(approval["reviewers"], json!(["dba"]), "who could decide");
    assert_eq!(approval["redactions"], json!([{"path": "/arguments/password", "how": "dropped"}]));
    assert_eq!(
        (&approval["call"]["tool"], &approval["state"]),
        (&"run_migration".into(), &"released".into())
    );
    let body = approval["call"]["body"].as_str().unwrap();
    for entry in evidence["entries"].as_array().unwrap() {
        assert_eq!(entry["entry"]["call"]["body"], Sha256Hex::of(body.as_bytes()).to_string());
    }
    let path = file.to_str().unwrap();
    let mut other_call = evidence.clone();
    other_call["approval"]["call"]["body"] = body.replace("run_migration", "run_cremation").into();
    let mut other_entry = evidence.clone();
    other_entry["entries"][2]["entry"]["who"] = "mallory".into();
    let mut other_approval = evidence.clone();
    other_approval["approval"]["id"] = format!("default-{:032x}", 7).into();
    for (twisted, why) in [
        (other_call, "the call that it shows"),
        (other_entry, "not in the chain"),
        (other_approval, "the call that it shows"),
    ] {
        fs::write(&file, twisted.to_string()).unwrap();
        let ended = holdpoint(&["audit", "verify", path]);
        assert_eq!(ended.status.code(), Some(1), "{why}");
        assert!(String::from_utf8_lossy(&ended.stderr).contains(why), "{ended:?}");
    }
    fs::write(&file, &text).unwrap();
    let ended = holdpoint(&["audit", "verify", path]);
    assert!(ended.status.success(), "{ended:?}");
    assert!(String::from_utf8_lossy(&ended.stdout).contains("default: entries 1 to "), "{ended:?}");
    fs::write(&file, text.replace("token alice", "token mallo")).unwrap();
    let ended = holdpoint(&["audit", "verify", path]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("entry 2 of default was changed"), "{ended:?}");
}

#[tokio::test]
async fn only_auditors_read_the_audit() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let evidence = format!("/v1/approvals/{}/evidence", parked.id);
    for path in ["/v1/audit", "/v1/audit/checkpoints", "/v1/audit:export", &evidence] {
        let ask = || site.request(reqwest::Method::GET, path);
        problem(ask().send().await.unwrap(), 401, "unauthenticated").await;
        problem(ask().bearer_auth(BOB).send().await.unwrap(), 403, "not-permitted").await;
        assert_eq!(site.get(path).await.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn who_opens_the_page_of_a_call_is_in_the_audit() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let page = site.get(&format!("/a/{}", parked.id)).await.text().await.unwrap();
    let found = entries(&site, "?outcome=shown", 1).await;
    let shown = &found[0]["entry"];
    assert_eq!((&shown["who"], &shown["detail"]["fingerprint"]), (&"alice".into(), &"11".repeat(32).into()));
    assert_eq!(shown["detail"]["rendered"], Sha256Hex::of(page.as_bytes()).to_string());
}

#[tokio::test]
async fn whom_the_queue_showed_a_card_is_in_the_audit_once() {
    let site = Site::open().await;
    let parked = [site.park(sample::held()).await, site.park(sample::held()).await];
    site.get("/").await;
    site.get("/").await;
    let later = site.park(sample::held()).await;
    for _ in 0..2 {
        site.get(&format!("/cards/{}", later.id)).await;
    }
    let card = site.request(reqwest::Method::GET, &format!("/cards/{}", later.id)).bearer_auth(BOB);
    card.send().await.unwrap();
    // What is noted last comes last: nothing more is under way.
    site.get(&format!("/a/{}", later.id)).await;
    entries(&site, &format!("?approval={}&outcome=shown", later.id), 3).await;
    for (approval, reviewer, count) in [(&parked[0], ALICE, 1), (&parked[1], ALICE, 1), (&later, BOB, 1)] {
        let who = reviewer.trim_start_matches("token-of-");
        let query = format!("?approval={}&outcome=shown&reviewer={who}", approval.id);
        let entry = &entries(&site, &query, count).await[0]["entry"];
        assert_eq!(entry["detail"]["fingerprint"], approval.fingerprint.to_string());
        assert_eq!(entry["detail"]["place"], "queue");
    }
    assert_eq!(entries(&site, "?outcome=shown", 5).await.len(), 5);
}

#[tokio::test]
async fn a_release_that_let_nothing_through_is_in_the_audit() {
    let site = Site::open().await;
    site.store.say_replicated(Some(false));
    let parked = site.park(sample::held()).await;
    site.post(ALICE, &parked.decisions(), &parked.decision("approve", "")).await;
    let shown = async || site.json(&format!("/v1/approvals/{}", parked.id)).await;
    eventually("its release", async || (shown().await["state"] == "released").then_some(())).await;
    site.approvals.drain().await;
    let id = parked.id.clone();
    assert_eq!(parked.outcome().await, Outcome::StoreUnavailable);
    let found = entries(&site, "?outcome=withheld", 1).await;
    assert_eq!(found[0]["entry"]["approval"], id.to_string());
}

#[tokio::test]
async fn a_release_whose_caller_is_gone_is_in_the_audit() {
    let site = Site::open().await;
    site.store.say_replicated(Some(false));
    let parked = site.park(sample::held()).await;
    site.post(ALICE, &parked.decisions(), &parked.decision("approve", "")).await;
    let shown = async || site.json(&format!("/v1/approvals/{}", parked.id)).await;
    eventually("its release", async || (shown().await["state"] == "released").then_some(())).await;
    parked.call.abort();
    let found = entries(&site, "?outcome=withheld", 1).await;
    assert_eq!(found[0]["entry"]["approval"], parked.id.to_string());
}

#[tokio::test]
async fn who_makes_and_revokes_a_token_is_in_the_audit() {
    let site = Site::open().await;
    let wanted = r#"{"subject":"ci","roles":["reviewer"],"groups":["dba"],"days":1}"#;
    let made: Value = site.post(ALICE, "/v1/tokens", wanted).await.json().await.unwrap();
    let path = format!("/v1/tokens/{}", made["id"].as_str().unwrap_or_else(|| panic!("{made}")));
    site.request(reqwest::Method::DELETE, &path).bearer_auth(ALICE).send().await.unwrap();
    let found = entries(&site, "?outcome=token-changed", 2).await;
    for (entry, how) in found.iter().zip(["revoked", "made"]) {
        let entry = &entry["entry"];
        assert_eq!((&entry["who"], &entry["detail"]["how"]), (&"alice".into(), &how.into()));
        assert_eq!((&entry["detail"]["subject"], &entry["detail"]["token"]), (&"ci".into(), &made["id"]));
    }
}

#[tokio::test]
async fn what_somebody_may_not_do_is_in_the_audit() {
    let site = Site::open().await;
    for path in ["/v1/tokens", "/v1/audit"] {
        let ask = site.request(reqwest::Method::GET, path).bearer_auth(BOB);
        problem(ask.send().await.unwrap(), 403, "not-permitted").await;
    }
    for entry in entries(&site, "?outcome=refused", 2).await {
        let entry = &entry["entry"];
        assert_eq!((&entry["chain"], &entry["who"]), (&"(system)".into(), &"bob".into()));
    }
}

#[tokio::test]
async fn who_signs_in_and_out_is_in_the_audit() {
    let site = Site::open().await;
    let session = site.session(BOB).await;
    let left = site.request(reqwest::Method::POST, "/logout").header("cookie", &session);
    assert_eq!(left.header("origin", &site.url).send().await.unwrap().status(), StatusCode::SEE_OTHER);
    for event in ["login", "logout"] {
        let found = entries(&site, &format!("?outcome={event}"), 1).await;
        let entry = &found[0]["entry"];
        assert_eq!((&entry["chain"], &entry["who"]), (&"(system)".into(), &"bob".into()));
        assert_eq!(entry["detail"], json!({"peer": "127.0.0.1", "proof": "token bob"}));
    }
}

#[tokio::test]
async fn who_is_not_let_in_is_in_the_audit_without_what_they_showed() {
    let site = Site::open().await;
    site.form("/login", "wrong-one").send().await.unwrap();
    let asked = site.request(reqwest::Method::GET, "/v1/approvals").bearer_auth("wrong-two");
    assert_eq!(asked.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    for entry in entries(&site, "?outcome=login-failed", 2).await {
        assert_eq!(entry["entry"]["detail"], json!({"peer": "127.0.0.1", "why": "unknown-token"}));
        assert!(!entry.to_string().contains("wrong"), "{entry}");
    }
}

#[tokio::test]
async fn what_is_masked_is_told_on_request_and_that_is_in_the_audit() {
    let site = Site::open().await;
    let mut held = sample::held();
    held.terms.reviewers = vec![holdpoint::domain::ids::Group("sre".into())];
    held.redacted.masked = vec![("/arguments/iban".into(), r#""DE1""#.into())];
    let parked = site.park(held).await;
    let shown = site.json(&format!("/v1/approvals/{}", parked.id)).await;
    assert_eq!(shown["redactions"], serde_json::json!([{"path": "/arguments/iban", "how": "masked"}]));
    assert!(!shown.to_string().contains("DE1"), "{shown}");
    let path = format!("/v1/approvals/{}/reveal", parked.id);
    site.store.take_notes(false);
    assert_eq!(site.post(ALICE, &path, "").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    site.store.take_notes(true);
    let told: Value = site.post(ALICE, &path, "").await.json().await.unwrap();
    assert_eq!(told, serde_json::json!({"values": [{"path": "/arguments/iban", "value": "DE1"}]}));
    let found = entries(&site, "?outcome=revealed", 1).await;
    assert_eq!(
        (&found[0]["entry"]["who"], &found[0]["entry"]["detail"]["paths"][0]),
        (&"alice".into(), &"/arguments/iban".into())
    );
}

#[test]
fn a_key_is_made_once_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.pem");
    let ended = holdpoint(&["audit", "keygen", path.to_str().unwrap()]);
    assert!(ended.status.success(), "{ended:?}");
    let notary = holdpoint::domain::audit::Notary::from_pem(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stdout).trim(), notary.public_key().to_string());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let again = holdpoint(&["audit", "keygen", path.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1), "a key that is there is left alone");
}
