use serde_json::json;

use super::*;
use crate::cli::client::Received;

const NOW: &str = "2026-11-21T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// An approval as the admin API writes it, with some fields replaced.
fn approval(changes: serde_json::Value) -> Approval {
    let mut approval = json!({
        "id": "ops-0193a1b2c3d47e8f9a0b1c2d3e4f5061", "state": "pending", "queue": "ops", "rule": "migrations",
        "title": null, "risk": "high", "fingerprint": "3fa91c04b7d2".repeat(6)[..64],
        "call": {"method": "tools/call", "tool": "run_migration", "arguments": {"version": "v3"},
            "body": r#"{"method":"tools/call","params":{"name":"run_migration","arguments":{"version":"v3"}}}"#},
        "request": {"method": "POST", "path": "/privileged/mcp", "host": "ops", "headers": {}},
        "route": "ops-tools", "session": null, "caller": {"subject": "alice", "actors": ["dba-agent"]},
        "created_at": "2026-11-21T11:57:55Z", "deadline": "2026-11-21T13:05:00Z", "grant_until": null,
        "settled_at": null, "cancellation": null, "waiting": true, "left_at": null, "incarnation": "ab".repeat(20), "may_have_run": false,
        "approvals_needed": 2,
        "approvals_given": 1, "reviewers": ["dba"], "trace": null, "can_decide": true,
        "votes": [{"reviewer": "bob", "verdict": "approve", "reason": "fine", "at": "2026-11-21T11:59:00Z"}],
        "cannot_decide_reason": null,
    });
    let (all, changes) = (approval.as_object_mut().unwrap(), changes.as_object().unwrap().clone());
    all.extend(changes);
    serde_json::from_value::<serde_json::Value>(approval)
        .and_then(|value| serde_json::from_str::<Received>(&value.to_string()))
        .unwrap()
        .approval
}

/// Without colours.
fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn a_table_has_a_line_per_approval_and_its_columns_stay_aligned() {
    let long = json!({"caller": {"subject": null, "actors": []}, "waiting": false,
        "call": {"method": "resources/read", "tool": null, "arguments": {"sql": "\u{1b}[2J".repeat(50)}, "body": "{}"}});
    let table = plain(&table(&[&approval(json!({})), &approval(long)], now()));
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(lines[1].contains("run_migration"), "{table}");
    assert!(lines[1].contains("alice, by dba-agent"), "{table}");
    assert!(lines[1].contains("2m 5s"), "{table}");
    assert!(lines[1].contains("1h 5m"), "{table}");
    assert!(lines[1].ends_with(r#"1/2    {"version":"v3"}"#), "{table}");
    assert!(lines[2].contains("caller left"), "{table}");
    assert!(lines[2].ends_with('…'), "{table}");
    assert_eq!(lines[1].find("1/2"), lines[2].find("1/2"), "{table}");
    assert!(!table.contains('\u{1b}'));
}

#[test]
fn a_sheet_warns_of_what_may_have_run_already() {
    let sheet = |ran: bool| plain(&sheet(&approval(json!({"may_have_run": ran})), now(), Extent::Folded));
    assert!(sheet(true).contains("it may already have run"), "{}", sheet(true));
    assert!(!sheet(false).contains("may already have run"));
}

#[test]
fn a_sheet_shows_every_part_of_the_call() {
    let body = r#"{"params":{"name":"t","_meta":{"x":1.0},"arguments":{"n":1e2},"task":{"ttl":5}}}"#;
    let call: serde_json::Value =
        json!({"method": "tools/call", "tool": "t", "arguments": {"n": 1}, "body": body});
    let sheet = plain(&sheet(&approval(json!({"call": call})), now(), Extent::Folded));
    for part in [
        "caller       alice, by dba-agent\n",
        "request      POST /privileged/mcp at ops\n",
        "approvals    1 of 2\n",
        "vote         bob, approve at 2026-11-21T11:59:00Z: fine\n",
        "reviewers    members of dba\n",
        "ends         2026-11-21T13:05:00Z (in 1h 5m)\n",
        "\narguments\n  {\n    \"n\": 1\n  }\n",
        "\nother parameters\n  {\n    \"_meta\": {\n      \"x\": 1.0\n    },\n    \"task\": {\n      \"ttl\": 5\n    }\n  }\n",
    ] {
        assert!(sheet.contains(part), "{part:?} is not in\n{sheet}");
    }
}

#[test]
fn no_text_of_others_reaches_the_terminal_unescaped() {
    let evil = "x\u{1b}]0;owned\u{7}\u{202e}\n\u{200b}approved";
    let hostile = approval(json!({
        "title": evil, "risk": evil, "rule": evil, "route": evil, "session": evil, "trace": evil,
        "call": {"method": evil, "tool": evil, "arguments": {evil: evil}, "body": evil},
        "request": {"method": evil, "path": evil, "host": evil, "headers": {evil: evil}},
        "caller": {"subject": evil, "actors": [evil]}, "reviewers": [evil], "cancellation": evil,
        "votes": [{"reviewer": evil, "verdict": evil, "reason": evil, "at": NOW}],
        "can_decide": false, "cannot_decide_reason": evil,
    }));
    // Our own colours are cut out by hand: a stripper would take the hostile sequences along.
    let ours = |text: String| {
        let styles = [LABEL, STRONG, WARNING, state_style(hostile.state)];
        styles
            .iter()
            .fold(text, |text, style| text.replace(&style.render().to_string(), ""))
            .replace("\u{1b}[0m", "")
    };
    let shown = [
        sheet(&hostile, now(), Extent::Full),
        table(&[&hostile], now()),
        line(&hostile, "new", now()),
        standing(&approval(json!({"state": "cancelled", "cancellation": evil}))),
    ];
    for shown in shown.map(ours) {
        for line in shown.lines() {
            assert_eq!(visible(line), line, "in\n{shown}");
            assert!(!line.starts_with("approved"), "a line of its own in\n{shown}");
        }
    }
}

#[test]
fn what_stands_is_said_in_words() {
    let settled = |state: &str, cancellation: Option<&str>| {
        standing(&approval(json!({"state": state, "cancellation": cancellation})))
    };
    assert_eq!(settled("approved", None), "by bob: fine");
    assert_eq!(settled("expired", None), "nobody decided in time");
    assert_eq!(settled("cancelled", Some("caller_left")), "the caller left");
    assert_eq!(settled("cancelled", Some("grant_unused")), "nobody made the approved call again in time");
}

#[test]
fn a_clock_that_is_behind_shows_no_negative_time() {
    let early = "2026-11-21T11:00:00Z".parse().unwrap();
    assert!(table(&[&approval(json!({}))], early).contains("  0s  "));
}

#[test]
fn a_sheet_tells_what_the_card_tells_and_nothing_of_it_acts_on_the_terminal() {
    let evil = "\u{1b}[2J\u{202e}";
    let told = json!({
        "quorum": {"dba": 1, "security": 2}, "void_votes": 1,
        "redactions": [{"path": format!("/arguments/{evil}"), "how": "masked"}],
        "broken_glass": {"by": "eve", "ticket": evil, "reason": evil},
        "votes": [{"reviewer": evil, "verdict": "reject", "reason": evil, "reason_code": "bad_time",
            "at": "2026-11-21T11:59:00Z"}],
    });
    let sheet = plain(&sheet(&approval(told), now(), Extent::Folded));
    for line in [
        "quorum       1 of dba, 2 of security",
        "asked again  the first 1 votes no longer count",
        r"not shown    /arguments/\u{1b}[2J\u{202e} was masked",
        r"glass        broken by eve, ticket \u{1b}[2J\u{202e}: \u{1b}[2J\u{202e}",
        "(bad_time)",
    ] {
        assert!(sheet.contains(line), "{line}\n{sheet}");
    }
    assert!(!sheet.contains('\u{1b}') && !sheet.contains('\u{202e}'), "{sheet}");
}
