//! `cancel`, `revoke`, `extend`, `break-glass` and `reject-all`.

use serde_json::{Value, json};

use super::scripted::{Answer, Asked, FINGERPRINT, ID, Service, approval};

fn service(answer: Answer) -> Service {
    Service::start(move |asked| match asked.method.as_str() {
        "GET" => Answer::json(approval(json!({}))),
        _ => answer.clone(),
    })
}

fn sent(service: &Service) -> Vec<Asked> {
    service.asked().into_iter().filter(|asked| asked.method == "POST").collect()
}

fn body(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).unwrap()
}

#[test]
fn each_act_has_its_address_and_its_body() {
    let incarnation = "ab".repeat(20);
    for (command, verb, mut expected) in [
        (&["cancel", ID, "--reason", "over"][..], "cancel", json!({"reason": "over"})),
        (&["revoke", ID, "--reason", "over"], "revoke", json!({"reason": "over"})),
        (&["extend", ID, "--seconds", "900"], "extend", json!({"seconds": 900, "reason": null})),
    ] {
        let service = service(Answer::json(approval(json!({}))));
        let ended = service.run(command);
        assert_eq!((ended.code, &*ended.out), (0, &*format!("{ID} is pending until 2026-11-21T13:05:00Z\n")));
        let sent = sent(&service);
        assert_eq!(sent[0].path, format!("/v1/approvals/{ID}:{verb}"));
        expected["incarnation"] = json!(incarnation);
        assert_eq!(body(&sent[0]), expected);
        assert!(sent[0].idempotency_key.is_some());
    }
}

#[test]
fn what_lacks_its_reason_or_ticket_is_not_sent() {
    let service = service(Answer::json(approval(json!({}))));
    for command in [
        &["cancel", ID][..],
        &["cancel", ID, "--reason", " "],
        &["extend", ID, "--seconds", "0"],
        &["break-glass", ID, "--reason", "fire", "--fingerprint", FINGERPRINT],
        &["break-glass", ID, "--reason", "fire", "--ticket", "INC-1"],
        &["reject-all", "--reason", "no"],
    ] {
        assert_eq!(service.run(command).code, 2, "{command:?}");
    }
    assert!(sent(&service).is_empty());
}

#[test]
fn the_glass_is_broken_for_the_call_that_was_meant_only() {
    let broken = json!({"state": "approved", "broken_glass": {"by": "bob", "ticket": "INC-1"}});
    let service = service(Answer::json(approval(broken)));
    let command = ["break-glass", ID, "--reason", "fire", "--ticket", "INC-1", "--fingerprint"];
    let ended = service.run(&[&command[..], &["aaaaaaaaaaaa"]].concat());
    assert_eq!((ended.code, sent(&service).len()), (1, 0), "{}", ended.err);
    let ended = service.run(&[&command[..], &[&FINGERPRINT[..12]]].concat());
    assert_eq!((ended.code, &*ended.out), (0, &*format!("{ID} is approved\n")));
    assert!(ended.err.contains("\"version\": \"v3\""), "{}", ended.err);
    let sent = sent(&service);
    let incarnation = "ab".repeat(20);
    let expected =
        json!({"reason": "fire", "ticket": "INC-1", "fingerprint": FINGERPRINT, "incarnation": incarnation});
    assert_eq!(body(&sent[0]), expected);
}

#[test]
fn what_matches_is_rejected_or_counted() {
    let counts = json!({"recorded": 0, "would_record": 3, "refused": 1});
    let service =
        service(Answer::json(json!({"dry_run": true, "results": [], "counts": counts, "more": true})));
    let ended = service.run(&["reject-all", "--tool", "drop_table", "--reason", "a freeze", "--dry-run"]);
    assert_eq!(ended.out, "3 would be rejected, 1 refused; more match: call it again\n", "{}", ended.err);
    let sent = sent(&service);
    assert_eq!(sent[0].path, "/v1/approvals:batchDecide");
    let expected = json!({"verdict": "reject", "reason": "a freeze", "dry_run": true,
        "filter": {"tool": "drop_table"}});
    assert_eq!(body(&sent[0]), expected);
}
