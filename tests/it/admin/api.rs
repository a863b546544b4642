//! `/v1/approvals`.

use holdpoint::domain::approval::Held;
use holdpoint::domain::ids::{DecisionId, Group, Subject};
use holdpoint::domain::outcome::Outcome;
use holdpoint::domain::ruling::Reason;
use holdpoint::domain::sample;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::site::{ALICE, BOB, DORA, Parked, Site, call_with, held_for, held_for_several, problem};
use crate::store::stage::one_of_each;

#[tokio::test]
async fn an_approval_is_shown_with_everything_and_null_for_what_is_absent() {
    let site = Site::open().await;
    let mut held = sample::held();
    held.terms.reviewers = vec![Group("dba".into())];
    held.caller.actors = vec![Subject("runtime".into())];
    held.terms.risk = Some("high".into());
    let parked = site.park(held).await;
    let mut shown = site.json(&format!("/v1/approvals/{}", parked.id)).await;
    let created_at = shown["created_at"].clone();
    for time in ["created_at", "deadline"] {
        assert!(shown[time].take().as_str().is_some_and(|time| time.ends_with('Z')), "{time}");
    }
    assert_eq!(
        shown,
        json!({
            "id": parked.id.to_string(), "state": "pending", "queue": "default", "rule": "migrations",
            "title": null, "risk": "high", "fingerprint": "11".repeat(32),
            "call": {"method": "tools/call", "tool": "run_migration", "arguments": {"version": "v3"},
                     "body": sample::held().body},
            "request": {"method": "POST", "path": "/privileged/mcp", "host": "ops-tools",
                        "headers": {"user-agent": "python-httpx/0.28.1"}},
            "route": "privileged", "session": null,
            "caller": {"subject": "dba-assistant", "actors": ["runtime"]},
            "created_at": null, "deadline": null, "grant_until": null, "settled_at": null, "cancellation": null,
            "waiting": true, "left_at": null, "approvals_needed": 1, "approvals_given": 0,
            "reviewers": ["dba"], "eligible_reviewers": ["dba"], "quorum": null, "reason_required": false, "votes": [], "void_votes": 0, "incarnation": "00".repeat(20), "may_have_run": false, "broken_glass": null, "acts": [], "timeline": [{"at": created_at, "event": "parked", "by": null, "reason": null}], "trace": null, "redactions": [], "claims": [],
            "can_decide": true, "cannot_decide_reason": null,
        })
    );
    problem(site.get("/v1/approvals/nothing").await, 404, "not-found").await;
}

#[tokio::test]
async fn a_decision_answers_with_the_approval_and_its_votes() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let response = site.post(ALICE, &parked.decisions(), &parked.decision("approve", "checked")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let shown: Value = response.json().await.unwrap();
    assert_eq!(shown["votes"][0]["reviewer"], "alice");
    assert_eq!(shown["votes"][0]["verdict"], "approve");
    assert_eq!(shown["votes"][0]["reason"], "checked");
    assert_eq!(shown["approvals_given"], 1);
    assert_eq!(shown["can_decide"], false);
    assert!(matches!(parked.outcome().await, Outcome::Released(_)));
}

#[tokio::test]
async fn a_decision_on_another_call_than_the_recorded_one_counts_nothing() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let body = json!({"verdict": "approve", "fingerprint": "22".repeat(32)}).to_string();
    let body = problem(site.post(ALICE, &parked.decisions(), &body).await, 409, "fingerprint-mismatch").await;
    assert_eq!(body["outcome"], "pending");
    assert_eq!(body["approval"]["votes"], json!([]));
}

#[tokio::test]
async fn a_decision_on_what_another_life_of_the_store_showed_counts_nothing() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let seen_in = |incarnation: &str| {
        let fingerprint = parked.fingerprint.to_string();
        json!({"verdict": "approve", "fingerprint": fingerprint, "incarnation": incarnation}).to_string()
    };
    let body = site.post(ALICE, &parked.decisions(), &seen_in(&"11".repeat(20))).await;
    let body = problem(body, 409, "asked-again").await;
    assert_eq!((&body["outcome"], &body["approval"]["votes"]), (&json!("pending"), &json!([])));
    problem(site.post(ALICE, &parked.decisions(), &seen_in("11")).await, 400, "invalid-request").await;

    let shown = site.json(&format!("/v1/approvals/{}", parked.id)).await;
    let decided = seen_in(shown["incarnation"].as_str().unwrap());
    assert_eq!(site.post(ALICE, &parked.decisions(), &decided).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_decision_that_is_not_whole_counts_nothing() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let fingerprint = parked.fingerprint;
    for body in [
        r#"{"verdict":"approve"}"#.to_owned(),
        r#"{"verdict":"approve","fingerprint":"11"}"#.to_owned(),
        format!(r#"{{"verdict":"Approve","fingerprint":"{fingerprint}"}}"#),
        format!(r#"{{"fingerprint":"{fingerprint}"}}"#),
        format!(r#"{{"verdict":"approve","fingerprint":"{fingerprint}","reviewer":"bob"}}"#),
    ] {
        problem(site.post(ALICE, &parked.decisions(), &body).await, 400, "invalid-request").await;
    }
    assert_eq!(site.json("/v1/approvals").await["approvals"][0]["votes"], json!([]));
}

async fn decide(site: &Site, token: &str, parked: &Parked, verdict: &str, key: &str) -> reqwest::Response {
    site.post_under(key, token, &parked.decisions(), &parked.decision(verdict, "")).await
}

#[tokio::test]
async fn a_decision_sent_again_under_its_key_counts_once() {
    let site = Site::open().await;
    let parked = site.park(held_for_several(2)).await;
    let key = DecisionId::random().to_string();
    for _ in 0..2 {
        let response = decide(&site, ALICE, &parked, "approve", &key).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.json::<Value>().await.unwrap()["approvals_given"], 1);
    }
    // The same key for anything else must not look as if that had been recorded.
    problem(decide(&site, ALICE, &parked, "reject", &key).await, 422, "key-used").await;
    problem(decide(&site, BOB, &parked, "approve", &key).await, 422, "key-used").await;
    problem(decide(&site, BOB, &parked, "approve", "1").await, 400, "invalid-request").await;
    let other = parked.decision("approve", "another reason");
    let response = site.post_under(&key, ALICE, &parked.decisions(), &other).await;
    problem(response, 422, "key-used").await;
    let shown = site.json(&format!("/v1/approvals/{}", parked.id)).await;
    assert_eq!((&shown["state"], &shown["approvals_given"]), (&json!("pending"), &json!(1)));
}

#[tokio::test]
async fn each_reviewer_reads_whether_they_may_decide() {
    let site = Site::open().await;
    let parked = site.park(held_for("security")).await;
    let seen_by = async |token: &str| -> Value {
        let path = format!("/v1/approvals/{}", parked.id);
        site.request(Method::GET, &path).bearer_auth(token).send().await.unwrap().json().await.unwrap()
    };
    assert_eq!(seen_by(ALICE).await["can_decide"], true);
    let by_dora = seen_by(DORA).await;
    assert_eq!(by_dora["can_decide"], false);
    assert_eq!(by_dora["cannot_decide_reason"], "only members of security may decide this");
}

#[tokio::test]
async fn whoever_may_still_approve_is_named() {
    let site = Site::open().await;
    let parked = site.park(Held { terms: one_of_each(&["dba", "security"]), ..sample::held() }).await;
    let shown = site.json(&format!("/v1/approvals/{}", parked.id)).await;
    assert_eq!(shown["quorum"], json!({"dba": 1, "security": 1}));
    assert_eq!(shown["eligible_reviewers"], json!(["dba", "security"]));
    let response = site.post(DORA, &parked.decisions(), &parked.decision("approve", "")).await;
    let shown: Value = response.json().await.unwrap();
    assert_eq!((&shown["state"], &shown["approvals_given"]), (&json!("pending"), &json!(1)));
    assert_eq!(shown["eligible_reviewers"], json!(["security"]));
    assert_eq!(shown["cannot_decide_reason"], "you have voted on this already");
    let response = site.post(ALICE, &parked.decisions(), &parked.decision("approve", "")).await;
    let shown: Value = response.json().await.unwrap();
    assert_eq!((&shown["state"], &shown["eligible_reviewers"]), (&json!("approved"), &json!([])));
}

#[tokio::test]
async fn a_rejection_says_why_and_an_approval_where_the_rule_wants_it() {
    let site = Site::open().await;
    let mut held = sample::held();
    held.terms.approvals = 2;
    let optional = site.park(held.clone()).await;
    held.terms.reason = Reason::Required;
    held.fingerprint = "22".repeat(32).parse().unwrap();
    let required = site.park(held).await;
    for (parked, verdict) in [(&optional, "reject"), (&required, "reject"), (&required, "approve")] {
        let refused = site.post(ALICE, &parked.decisions(), &parked.decision(verdict, " ")).await;
        problem(refused, 422, "reason-required").await;
    }
    let response = site.post(ALICE, &optional.decisions(), &optional.decision("approve", "")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let response = site.post(ALICE, &required.decisions(), &required.decision("approve", "checked")).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_reason_in_one_word_is_kept_and_others_are_refused() {
    let site = Site::open().await;
    let parked = site.park(sample::held()).await;
    let decision = |code: &str| {
        json!({"verdict": "reject", "reason": "no", "reason_code": code, "fingerprint": parked.fingerprint.to_string()})
            .to_string()
    };
    let refused = site.post(ALICE, &parked.decisions(), &decision("bored")).await;
    problem(refused, 400, "invalid-request").await;
    let response = site.post(ALICE, &parked.decisions(), &decision("bad_time")).await;
    let shown: Value = response.json().await.unwrap();
    assert_eq!(shown["votes"][0]["reason_code"], "bad_time");
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition_in_both_orders() {
    let site = Site::open().await;
    let mut ids = Vec::new();
    for i in 0..7 {
        ids.push(site.park(call_with(&format!("{{\"i\":{i}}}"))).await.id.to_string());
    }
    for order in ["oldest", "newest"] {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = site.json(&format!("/v1/approvals?order={order}&page_size=3{token}")).await;
            let approvals = page["approvals"].as_array().unwrap();
            assert!(approvals.len() <= 3);
            seen.extend(approvals.iter().map(|approval| approval["id"].as_str().unwrap().to_owned()));
            match page["next_page_token"].as_str() {
                Some(next) => token = format!("&page_token={next}"),
                None => break,
            }
        }
        assert_eq!(seen, ids, "{order}");
        ids.reverse();
    }
}

#[tokio::test]
async fn a_list_holds_what_matches_all_filters() {
    let site = Site::open().await;
    let first = site.park(sample::held()).await;
    let mut other = call_with(r#"{"i":1}"#);
    other.terms.queue = "dba".parse().unwrap();
    other.tool = Some("drop table".into());
    other.terms.reviewers = vec![Group("dba".into())];
    other.route = Some("r&d".into());
    other.caller.subject = Some(Subject("carol".into()));
    other.fingerprint = "22".repeat(32).parse().unwrap();
    let second = site.park(other).await;
    let ids = async |query: &str| -> Vec<String> {
        let listed = site.json(&format!("/v1/approvals?{query}")).await;
        let approvals = listed["approvals"].as_array().unwrap();
        approvals.iter().map(|approval| approval["id"].as_str().unwrap().to_owned()).collect()
    };
    let fingerprint = format!("fingerprint={}", "22".repeat(32));
    for query in [
        "queue=dba",
        "group=dba",
        "q=DROP%20t",
        "q=Carol",
        "tool=drop%20table",
        "route=r%26d",
        "caller=carol",
        &fingerprint,
    ] {
        assert_eq!(ids(query).await, [second.id.to_string()], "{query}");
    }
    assert_eq!(ids("queue=dba&caller=dba-assistant").await, [""; 0]);
    assert_eq!(ids("created_after=2999-01-01T00:00:00Z").await, [""; 0]);
    site.post(ALICE, &first.decisions(), &first.decision("reject", "no")).await;
    assert_eq!(ids("").await, [second.id.to_string()]);
    assert_eq!(ids("state=rejected").await, [first.id.to_string()]);
    for query in ["state=all", "state=rejected&state=pending"] {
        assert_eq!(ids(query).await, [first.id.to_string(), second.id.to_string()], "{query}");
    }
}

#[tokio::test]
async fn a_parameter_that_is_wrong_is_named() {
    let site = Site::open().await;
    for (query, name) in [
        ("stat=pending", "stat"),
        ("state=open", "state"),
        ("queue=A", "queue"),
        ("fingerprint=11", "fingerprint"),
        ("created_after=yesterday", "created_after"),
        ("order=random", "order"),
        ("page_size=0", "page_size"),
        ("page_size=501", "page_size"),
        ("page_token=00", "page_token"),
        ("tool=a&tool=b", "tool"),
    ] {
        let body = problem(site.get(&format!("/v1/approvals?{query}")).await, 400, "invalid-request").await;
        assert!(body["detail"].as_str().unwrap().contains(name), "{body}");
    }
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_a_problem_too() {
    let site = Site::open().await;
    problem(site.get("/v2/approvals").await, 404, "not-found").await;
    problem(site.get("/assets/queue.js").await, 404, "not-found").await;
    problem(site.get("/v1/approvals/%FF").await, 400, "invalid-request").await;
    let response = site.get("/logout").await;
    assert_eq!(response.headers()["allow"], "POST");
    problem(response, 405, "invalid-request").await;
}

#[tokio::test]
async fn whether_replicas_have_a_decision_is_told() {
    let site = Site::open().await;
    for replicated in [None, Some(true), Some(false)] {
        site.store.say_replicated(replicated);
        let parked = site.park(sample::held()).await;
        let response = site.post(ALICE, &parked.decisions(), &parked.decision("approve", "")).await;
        let shown: Value = response.json().await.unwrap();
        assert_eq!(shown["replicated"], json!(replicated));
        assert_eq!(shown["state"], "approved", "it stands either way");
    }
}
