use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::domain::approval::{Approval, Departure};
use crate::domain::decision::{Verdict, Vote};
use crate::domain::ids::{DecisionId, Incarnation, Subject};
use crate::domain::message::Tool;
use crate::domain::quorum::Marks;
use crate::domain::sample;
use crate::ext_authz::mcp::Why;

fn call() -> Message {
    let tool = Tool { name: "run_migration".into(), arguments: Json::empty_object() };
    let id = Some(Json::Number("7".into()));
    Message { method: "tools/call".into(), id, params: Json::empty_object(), tool: Some(tool) }
}

fn approval() -> Approval {
    sample::parked(sample::held())
}

fn vote(approval: &mut Approval, verdict: Verdict, reason: Option<&str>) {
    let now = approval.created_at;
    let vote = Vote {
        decision: DecisionId::random(),
        reviewer: Subject("bob\r\nset-cookie: a=1".into()),
        proof: None,
        verdict,
        marks: Marks::default(),
        reason: reason.map(str::to_owned),
        reason_code: None,
        ticket: None,
        fingerprint: None,
        seen_in: None,
        at: now,
        trace: None,
    };
    approval.vote(vote, now, Incarnation::ONLY).unwrap();
}

/// Every outcome that is not a release.
fn denials() -> Vec<Outcome> {
    let fresh = approval();
    let (attempt, now) = (fresh.holder.unwrap().attempt, fresh.created_at);
    let after = |change: &dyn Fn(&mut Approval)| {
        let mut approval = fresh.clone();
        change(&mut approval);
        Outcome::of(&approval, attempt, &approval.held.fingerprint).expect("an end")
    };
    vec![
        after(&|a| vote(a, Verdict::Reject, Some("not in freeze\r\nx-evil: 1"))),
        after(&|a| vote(a, Verdict::Reject, None)),
        after(&|a| assert!(a.lapse(now + Duration::from_secs(3600)))),
        after(&|a| {
            vote(a, Verdict::Approve, None);
            assert!(a.lapse(now + Duration::from_secs(3600)));
        }),
        after(&|a| a.detach(attempt, Departure::HoldOver, now)),
        Outcome::StoreUnavailable,
    ]
}

struct Denied {
    status: i32,
    body: serde_json::Value,
    headers: Vec<(String, String)>,
}

fn read(response: CheckResponse) -> Denied {
    assert_ne!(response.status.expect("a status").code, 0, "a status of 0 allows");
    let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else { panic!("not a denial") };
    let headers = denied.headers.into_iter().map(|h| h.header.unwrap()).map(|h| (h.key, h.value)).collect();
    let status = denied.status.expect("an HTTP status").code;
    Denied { status, body: serde_json::from_str(&denied.body).expect("JSON"), headers }
}

fn no_link(_: &ApprovalId) -> Option<String> {
    None
}

#[test]
fn every_denial_is_one_to_the_gateway_and_carries_only_headers_of_our_own() {
    for end in denials() {
        for form in [DenialForm::Result, DenialForm::Error, DenialForm::Http403] {
            let denied = read(outcome(&Asker::of(&call(), form), &end, no_link));
            assert_eq!(denied.status, if form == DenialForm::Http403 { 403 } else { 200 }, "{end:?}");
            assert_eq!(denied.body["id"], 7);
            for (name, value) in &denied.headers {
                assert!(name == "content-type" || name.starts_with("x-holdpoint-"), "{name}");
                assert!(!value.contains(['\r', '\n']), "{name}: {value:?}");
            }
        }
    }
}

#[test]
fn the_agent_reads_why_in_a_tool_result() {
    let texts = denials().into_iter().map(|end| {
        let body = read(outcome(&Asker::of(&call(), DenialForm::Result), &end, no_link)).body;
        assert_eq!(body["result"]["isError"], true);
        assert_eq!(body["result"]["resultType"], "complete");
        assert!(body["result"].get("structuredContent").is_none());
        body["result"]["content"][0]["text"].as_str().unwrap().to_owned()
    });
    let texts: Vec<_> = texts.collect();
    for (text, expected) in texts.iter().zip([
        "REJECTED: run_migration was not executed. A reviewer rejected it: not in freeze",
        "REJECTED: run_migration was not executed. A reviewer rejected it\n",
        "EXPIRED: run_migration",
        "not used in time",
        "call run_migration again with exactly the same arguments",
        "cannot reach its store",
    ]) {
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn the_id_is_echoed_as_it_was_sent() {
    for id in ["1e2", "12345678901234567890123", r#""a\u0000b""#, "0"] {
        let message = Message { id: Some(Json::read(id.as_bytes()).unwrap()), ..call() };
        let response = outcome(&Asker::of(&message, DenialForm::Result), &Outcome::StoreUnavailable, no_link);
        let Some(HttpResponse::DeniedResponse(denied)) = response.http_response else { panic!() };
        let sent = Json::read(denied.body.as_bytes()).unwrap();
        assert_eq!(sent.get("id"), Some(&Json::read(id.as_bytes()).unwrap()));
    }
}

#[test]
fn what_has_no_result_of_a_tool_is_told_by_an_error_and_what_has_no_id_by_the_status() {
    let other = Message { method: "resources/read".into(), tool: None, ..call() };
    let denied = read(outcome(&Asker::of(&other, DenialForm::Result), &Outcome::StoreUnavailable, no_link));
    assert_eq!((denied.status, denied.body["error"]["code"].as_i64()), (200, Some(REFUSED.into())));
    let notification = Message { id: None, ..call() };
    let denied =
        read(outcome(&Asker::of(&notification, DenialForm::Result), &Outcome::StoreUnavailable, no_link));
    assert_eq!((denied.status, &denied.body["id"]), (403, &serde_json::Value::Null));
}

#[test]
fn what_cannot_be_read_is_an_http_error_with_a_reason() {
    let denied = read(unreadable(&Unreadable { why: Why::Batch, id: None }));
    assert_eq!(denied.status, 400);
    assert!(denied.body["error"]["message"].as_str().unwrap().contains("batch"));
    assert_eq!(denied.body["error"]["data"][META_KEY]["reason_code"], "batch");
    assert_eq!(read(malformed("x")).status, 400);
}

#[test]
fn only_a_pass_and_a_release_allow_and_the_client_cannot_set_our_headers() {
    let Some(HttpResponse::OkResponse(ok)) = pass().http_response else { panic!() };
    assert_eq!(ok.headers_to_remove, [APPROVAL_HEADER, OUTCOME_HEADER]);

    let mut approval = approval();
    let (attempt, fingerprint) = (approval.holder.unwrap().attempt, approval.held.fingerprint);
    vote(&mut approval, Verdict::Approve, None);
    approval.claim(attempt, &fingerprint, Timestamp::UNIX_EPOCH, Incarnation::ONLY);
    let released = Outcome::of(&approval, attempt, &fingerprint).unwrap();
    let response = outcome(&Asker::of(&call(), DenialForm::Result), &released, no_link);
    assert_eq!(response.status.unwrap().code, 0);
    let Some(HttpResponse::OkResponse(ok)) = response.http_response else { panic!() };
    let set = ok.headers[0].clone();
    assert_eq!(set.header.unwrap().value, approval.id.to_string());
    assert_eq!(set.append, Some(false));
    assert!(!ok.headers_to_remove.contains(&APPROVAL_HEADER.to_owned()), "the gateway removes after it sets");
}
