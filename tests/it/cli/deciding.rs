//! `approve` and `reject`.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::scripted::{Answer, Asked, Ended, FINGERPRINT, ID, Service, approval};

/// A service on which the approval is pending, and that answers decisions so.
fn pending(decided: impl Fn(&Asked) -> Answer + Clone + Send + Sync + 'static) -> Service {
    Service::start(move |asked| match asked.method.as_str() {
        "GET" => Answer::json(approval(json!({}))),
        _ => decided(asked),
    })
}

fn approved() -> Answer {
    Answer::json(approval(json!({"state": "approved", "approvals_given": 1})))
}

fn decisions(service: &Service) -> Vec<Asked> {
    service.asked().into_iter().filter(|asked| asked.method == "POST").collect()
}

#[test]
fn approving_sends_the_full_fingerprint_of_what_was_shown() {
    let service = pending(|_| approved());
    let ended = service.run(&["approve", ID, "--reason", "ok", "--fingerprint", &FINGERPRINT[..12]]);
    assert_eq!((ended.code, &*ended.out), (0, &*format!("{ID} is approved\n")), "{}", ended.err);
    assert!(ended.err.contains("\"version\": \"v3\"") && ended.err.contains(FINGERPRINT), "{}", ended.err);
    let sent = &decisions(&service)[0];
    assert_eq!(sent.path, format!("/v1/approvals/{ID}/decisions"));
    let body: Value = serde_json::from_str(&sent.body).unwrap();
    let incarnation = "ab".repeat(20);
    let seen =
        json!({"verdict": "approve", "reason": "ok", "fingerprint": FINGERPRINT, "incarnation": incarnation});
    assert_eq!(body, seen);
    let key = sent.idempotency_key.as_deref().unwrap();
    assert!(key.len() == 32 && key.bytes().all(|b| b.is_ascii_hexdigit()), "{key}");
}

#[test]
fn another_fingerprint_sends_nothing() {
    let service = pending(|_| approved());
    let ended = service.run(&["approve", ID, "--fingerprint", "aaaaaaaaaaaa"]);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("has the fingerprint 3fa91c04b7d2"), "{}", ended.err);
    assert!(decisions(&service).is_empty());
}

#[test]
fn without_a_terminal_approving_takes_a_fingerprint_or_a_yes() {
    let service = pending(|_| approved());
    let ended = service.run(&["approve", ID]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("no terminal to ask on"), "{}", ended.err);
    assert!(service.asked().is_empty());
    assert_eq!(service.run(&["approve", ID, "--yes"]).code, 0);
    assert_eq!(decisions(&service).len(), 1);
}

#[test]
fn on_a_terminal_only_a_yes_approves() {
    for (answer, code, sent) in [("y\n", 0, 1), ("YES\n", 0, 1), ("n\n", 1, 0), ("\n", 1, 0), ("yep\n", 1, 0)]
    {
        let service = pending(|_| approved());
        let ended = on_terminal(&service, &["approve", ID], answer);
        assert_eq!(ended.code, code, "{answer:?}: {}", ended.out);
        assert!(ended.out.contains("fingerprint \u{1b}[1m3fa91c04b7d2\u{1b}[0m? [y/N]"), "{}", ended.out);
        assert_eq!(decisions(&service).len(), sent, "{answer:?}");
    }
}

#[test]
fn rejecting_sends_the_reason_and_asks_nothing() {
    let service = pending(|_| Answer::json(approval(json!({"state": "rejected"}))));
    let ended = service.run(&["reject", ID, "--reason", "not on \"friday\""]);
    assert_eq!((ended.code, &*ended.out), (0, &*format!("{ID} is rejected\n")), "{}", ended.err);
    let body: Value = serde_json::from_str(&decisions(&service)[0].body).unwrap();
    let incarnation = "ab".repeat(20);
    let seen = json!({"verdict": "reject", "reason": "not on \"friday\"", "fingerprint": FINGERPRINT, "incarnation": incarnation});
    assert_eq!(body, seen);
}

#[test]
fn several_are_rejected_each_for_itself() {
    let other = "ops-0193a1b2c3d47e8f9a0b1c2d3e4f5062";
    let service = Service::start(move |asked| match asked.method.as_str() {
        "GET" if asked.path.ends_with(ID) => Answer::json(approval(json!({"state": "expired"}))),
        "GET" => Answer::json(approval(json!({"id": other}))),
        _ => Answer::json(approval(json!({"id": other, "state": "rejected"}))),
    });
    let ended = service.run(&["reject", ID, other, "--reason", "no", "--reason-code", "bad_time"]);
    assert_eq!((ended.code, &*ended.out), (5, &*format!("{other} is rejected\n")), "{}", ended.err);
    assert!(ended.err.contains(&format!("{ID} is no longer open")), "{}", ended.err);
    let sent: Value = serde_json::from_str(&decisions(&service)[0].body).unwrap();
    assert_eq!(sent["reason_code"], "bad_time");
}

#[test]
fn a_reason_can_be_said_in_one_word_out_of_those_that_there_are() {
    let service = pending(|_| approved());
    assert_eq!(service.run(&["approve", ID, "--yes", "--reason-code", "checked"]).code, 0);
    let sent: Value = serde_json::from_str(&decisions(&service)[0].body).unwrap();
    assert_eq!(sent["reason_code"], "checked");
    let ended = service.run(&["approve", ID, "--yes", "--reason-code", "fine"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("checked, not_needed"), "{}", ended.err);
}

#[test]
fn one_of_two_approvals_leaves_it_pending_and_says_so() {
    let half = json!({"approvals_needed": 2, "approvals_given": 1});
    let service = pending(move |_| Answer::json(approval(half.clone())));
    assert_eq!(service.run(&["approve", ID, "--yes"]).out, format!("{ID} is pending: 1 of 2 approvals\n"));
}

#[test]
fn json_prints_what_stands() {
    let service = pending(|_| approved());
    let ended = service.run(&["approve", ID, "--yes", "--json"]);
    let printed: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(printed["state"], "approved");
}

#[test]
fn a_decision_that_the_store_did_not_take_is_sent_again_as_the_same() {
    // Before it decides, it asks for the approval and for what came before.
    let service = pending(|asked| match asked.number {
        2 | 3 => Answer::problem(503, "store-unavailable", json!({})),
        _ => approved(),
    });
    let ended = service.run(&["approve", ID, "--yes"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let sent = decisions(&service);
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|s| s.idempotency_key == sent[0].idempotency_key && s.body == sent[0].body));
}

#[test]
fn a_store_that_stays_away_ends_the_tries() {
    let service = pending(|_| Answer::problem(503, "store-unavailable", json!({})));
    let ended = service.run(&["reject", ID, "--reason", "no"]);
    assert_eq!(ended.code, 6, "{}", ended.err);
    assert!(ended.err.contains("whether") && ended.err.contains("is not known"), "{}", ended.err);
    assert_eq!(decisions(&service).len(), 5);
}

#[test]
fn a_refused_decision_is_not_sent_again_and_has_its_exit_code() {
    for (status, slug, more, code) in [
        (409, "already-decided", json!({"outcome": "rejected", "detail": "rejected by bob: no"}), 3),
        (409, "already-decided", json!({"outcome": "expired"}), 5),
        (409, "expired", json!({"outcome": "expired"}), 5),
        (409, "caller-gone", json!({"outcome": "cancelled"}), 5),
        (409, "fingerprint-mismatch", json!({}), 1),
        (403, "self-approval", json!({}), 4),
        (403, "not-eligible", json!({}), 4),
        (409, "already-voted", json!({}), 4),
        (404, "not-found", json!({}), 7),
    ] {
        let problem = more.clone();
        let service = pending(move |_| Answer::problem(status, slug, problem.clone()));
        let ended = service.run(&["approve", ID, "--yes"]);
        assert_eq!(ended.code, code, "{slug} {more}: {}", ended.err);
        let detail = more["detail"].as_str().map_or(format!("{slug} it is"), str::to_owned);
        assert!(ended.err.ends_with(&format!("holdpoint: {detail}\n")), "{}", ended.err);
        assert_eq!(decisions(&service).len(), 1, "{slug}");
    }
}

#[test]
fn what_is_decided_or_not_theirs_is_said_before_anything_is_sent() {
    let vote = json!({"reviewer": "bob", "verdict": "reject", "reason": "no", "at": "2026-11-21T12:00:00Z"});
    for (changes, code, words) in [
        (json!({"state": "rejected", "votes": [vote]}), 3, "no longer open: rejected, by bob: no"),
        (json!({"state": "expired"}), 5, "no longer open: expired, nobody decided in time"),
        (json!({"state": "cancelled", "cancellation": "caller_left"}), 5, "the caller left"),
        (json!({"can_decide": false, "cannot_decide_reason": "own call"}), 4, "cannot decide"),
    ] {
        let service = Service::start(move |_| Answer::json(approval(changes.clone())));
        for args in [&["approve", ID, "--yes"][..], &["reject", ID, "--reason", "no"]] {
            let ended = service.run(args);
            assert_eq!(ended.code, code, "{}", ended.err);
            assert!(ended.err.contains(words), "{words:?} is not in {}", ended.err);
        }
        assert!(decisions(&service).is_empty());
    }
}

/// Runs a command on a terminal of its own, made by `script`, which every Debian has, and types an answer.
fn on_terminal(service: &Service, args: &[&str], answer: &str) -> Ended {
    let command = [&[env!("CARGO_BIN_EXE_holdpoint")], args].concat().join(" ");
    let mut script = Command::new("timeout");
    script.args([
        "--foreground",
        "60",
        "script",
        "--quiet",
        "--flush",
        "--return",
        "--command",
        &command,
        "/dev/null",
    ]);
    script.env("HOLDPOINT_URL", &service.url).env("TERM", "xterm").env_remove("NO_COLOR");
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = script.spawn().unwrap();
    child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_decision_that_no_replica_has_yet_is_told_so() {
    for (replicated, told) in [(json!(false), true), (json!(true), false), (json!(null), false)] {
        let decided = approval(json!({"state": "approved", "approvals_given": 1, "replicated": replicated}));
        let service = pending(move |_| Answer::json(decided.clone()));
        let ended = service.run(&["approve", ID, "--yes"]);
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert_eq!(ended.out.contains("not yet replicated"), told, "{replicated}: {}", ended.out);
    }
}
