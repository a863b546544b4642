//! `pending`, `show`, and what is the same for all commands.

use serde_json::{Value, json};

use super::scripted::{Answer, ID, Service, approval, holdpoint, page};

#[test]
fn pending_lists_every_page_with_the_filters_given() {
    let service = Service::start(|asked| match asked.path.contains("page_token=n%26xt") {
        false => Answer::json(page(&[approval(json!({}))], Some("n&xt"))),
        true => Answer::json(page(&[approval(json!({"caller": {"subject": "zoe", "actors": []}}))], None)),
    });
    let ended = service.run(&["pending", "--queue", "ops", "--tool", "run migration"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.out.lines().count(), 3, "{}", ended.out);
    assert!(ended.out.contains("alice") && ended.out.contains("zoe"), "{}", ended.out);
    let paths: Vec<_> = service.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths[0], "/v1/approvals?queue=ops&tool=run%20migration");
    assert_eq!(paths.len(), 2);
}

#[test]
fn an_empty_queue_is_said_to_be_empty() {
    let service = Service::start(|_| Answer::json(page(&[], None)));
    assert_eq!(service.run(&["pending"]).out, "Nothing waits for a decision.\n");
    assert_eq!(service.run(&["pending", "--json"]).out, "[]\n");
}

#[test]
fn json_is_what_the_service_sent_with_number_literals_untouched() {
    let sent = approval(json!({"new_field": 1})).replace(r#""v3""#, "123456789012345678901234567890.10");
    let answer = sent.clone();
    let service = Service::start(move |_| Answer::json(&answer));
    let ended = service.run(&["show", ID, "--json"]);
    assert_eq!((ended.code, ended.out), (0, format!("{sent}\n")));
}

#[test]
fn json_holds_nothing_hidden() {
    let service = Service::start(|_| Answer::json(approval(json!({"title": "\u{202e}\u{9b}ä"}))));
    let ended = service.run(&["show", ID, "--json"]);
    assert!(ended.out.contains(r#""title":"\u202e\u009bä""#), "{}", ended.out);
}

#[test]
fn show_folds_what_is_long_and_full_does_not() {
    let call =
        json!({"method": "tools/call", "tool": "t", "arguments": {"sql": "x".repeat(5000)}, "body": "{}"});
    let service = Service::start(move |_| Answer::json(approval(json!({"call": call}))));
    let folded = service.run(&["show", ID]);
    assert!(folded.out.contains("[… 3000 more characters; --full shows them]"), "{}", folded.out);
    assert!(service.run(&["show", ID, "--full"]).out.contains(&"x".repeat(5000)));
}

#[test]
fn show_tells_what_came_before_and_what_the_agent_claims() {
    let value = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
    let votes = json!([{"reviewer": "bob", "verdict": "approve", "at": "2026-11-20T11:59:00Z"}]);
    let call = json!({"method": "tools/call", "tool": "run_migration", "body": "{}",
        "arguments": {"version": "v2", "\u{1b}[2J": 1}});
    let alike = value(approval(json!({"state": "released", "votes": votes, "call": call})));
    let known = json!({"earlier": 4, "approved": null, "rejected": null, "alike": alike}).to_string();
    let claims = json!([{"path": "arguments.reason", "text": "asked\u{202e} to"}]);
    let service = Service::start(move |asked| match asked.path.ends_with("/precedents") {
        true => Answer::json(&known),
        false => Answer::json(approval(json!({"claims": claims}))),
    });
    let shown = service.run(&["show", ID]).out;
    assert!(shown.contains("4 calls of this tool by this caller"), "{shown}");
    assert!(shown.contains(&format!("unlike {ID}, approved last by bob")), "{shown}");
    assert!(shown.contains(r#"version: "v2" -> "v3""#), "{shown}");
    assert!(shown.contains("arguments.reason: asked"), "{shown}");
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
}

#[test]
fn without_a_terminal_there_are_no_colours() {
    let service = Service::start(|_| Answer::json(approval(json!({}))));
    assert!(!service.run(&["show", ID]).out.contains('\u{1b}'));
}

#[test]
fn the_token_is_sent_and_never_shown() {
    let service = Service::start(|_| Answer::problem(401, "unauthenticated", json!({})));
    let url = service.url.clone();
    let output = holdpoint(&["pending", "--url", &url]).env("HOLDPOINT_TOKEN", "s3cret").output().unwrap();
    assert_eq!(service.asked()[0].authorization.as_deref(), Some("Bearer s3cret"));
    let help = holdpoint(&["pending", "--help"])
        .env("HOLDPOINT_TOKEN", "s3cret")
        .env("HOLDPOINT_URL", "http://s3cret@host")
        .output()
        .unwrap();
    let invalid = holdpoint(&["pending", "--url", &url, "--token", "s3cret s3cret"]).output().unwrap();
    let in_url = holdpoint(&["pending", "--url", &format!("{url}/?token=s3cret")]).output().unwrap();
    let in_user = holdpoint(&["pending", "--url", "http://s3cret@127.0.0.1:1"]).output().unwrap();
    assert_eq!(
        [&output, &help, &invalid, &in_url, &in_user].map(|o| o.status.code().unwrap()),
        [4, 0, 2, 2, 2]
    );
    for output in [output, help, invalid, in_url, in_user] {
        let all = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!all.contains("s3cret"), "{all}");
    }
    assert_eq!(service.asked().len(), 1, "nothing is sent with a token or an address that is none");
}

#[test]
fn an_empty_token_is_no_token() {
    let service = Service::start(|_| Answer::json(page(&[], None)));
    let mut command = holdpoint(&["pending"]);
    command.env("HOLDPOINT_URL", &service.url).env("HOLDPOINT_TOKEN", "");
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    assert_eq!(service.asked()[0].authorization, None);
}

#[test]
fn a_service_on_loopback_is_not_looked_for_behind_a_proxy() {
    let service = Service::start(|_| Answer::json(page(&[], None)));
    let mut command = holdpoint(&["pending", "--url", &service.url]);
    let output = command.env("HTTP_PROXY", "http://127.0.0.1:1").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn where_nobody_answers_the_error_says_what_to_do() {
    let url = "http://127.0.0.1:1";
    let output = holdpoint(&["pending", "--url", url]).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{err}");
    assert!(err.starts_with(&format!("holdpoint: cannot reach {url} (")), "{err}");
    assert!(err.ends_with("is `holdpoint serve` running? set --url or HOLDPOINT_URL\n"), "{err}");
}

#[test]
fn each_refusal_has_its_exit_code_and_says_why() {
    for (answer, code, words) in [
        (Answer::problem(404, "not-found", json!({})), 7, "not-found it is"),
        (Answer::problem(401, "unauthenticated", json!({})), 4, "set --token or HOLDPOINT_TOKEN"),
        (Answer::problem(503, "store-unavailable", json!({})), 6, "try again"),
        (Answer::problem(400, "invalid-request", json!({"detail": "a\u{1b}[2J"})), 2, r"a\u{1b}[2J"),
        (Answer::page(502), 6, "status 502"),
        (Answer::page(404), 1, "not as Holdpoint does"),
        (Answer::page(302), 1, "status 302"),
        (Answer::page(200), 1, "does not understand"),
    ] {
        let ended = Service::start(move |_| answer.clone()).run(&["show", ID]);
        assert_eq!(ended.code, code, "{ended:?}");
        assert!(ended.err.contains(words), "{words:?} is not in {}", ended.err);
        assert_eq!(ended.out, "");
    }
}

#[test]
fn wrong_usage_is_2_and_nothing_is_sent() {
    let service = Service::start(|_| Answer::json(Value::Null));
    for args in [
        &["show", "../../livez"][..],
        &["show"],
        &["reject", ID],
        &["reject", ID, "--reason", " "],
        &["approve", ID, "--fingerprint", "3fa91c04b7d"],
        &["unheard-of"],
    ] {
        assert_eq!(service.run(args).code, 2, "{args:?}");
    }
    assert!(service.asked().is_empty());
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let many = vec![approval(json!({})); 2000];
    let service = Service::start(move |_| Answer::json(page(&many, None)));
    let mut command = holdpoint(&["pending", "--url", &service.url]);
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
}

#[test]
fn help_documents_the_exit_codes() {
    for args in [&["--help"][..], &["approve", "--help"]] {
        let help = String::from_utf8(holdpoint(args).output().unwrap().stdout).unwrap();
        assert!(help.contains("Exit codes:") && help.contains("3  already decided"), "{help}");
    }
}
