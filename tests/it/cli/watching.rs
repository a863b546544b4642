//! `watch`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::scripted::{Answer, ID, Service, approval, endless, page};

const OTHER: &str = "dba-0193a1b2c3d47e8f9a0b1c2d3e4f5062";

/// A command that runs until the test ends, and its lines as they come.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn start(service: &Service, args: &[&str]) -> Self {
        let mut command = endless(&[&["watch", "--url", &service.url], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// How often the bell rang until so many lines had come.
    fn rung_within(mut self, lines: usize) -> usize {
        for _ in 0..lines {
            self.line();
        }
        self.child.kill().unwrap();
        let mut errors = Vec::new();
        self.child.stderr.take().unwrap().read_to_end(&mut errors).unwrap();
        errors.iter().filter(|byte| **byte == 7).count()
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(20)).expect("a line within 20 s")
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn event(approval: &str) -> String {
    format!("event: approval\ndata: {approval}\n\n")
}

#[test]
fn what_waits_and_what_changes_is_printed_as_it_comes_and_once() {
    let (first, second) = (approval(json!({})), approval(json!({"id": OTHER})));
    let settled = approval(json!({"state": "released"}));
    let events =
        [&first, &second, &second, &settled, &settled, &approval(json!({"id": OTHER, "waiting": false}))]
            .map(|approval| event(approval))
            .concat();
    let service = Service::start(move |asked| match asked.path.as_str() {
        "/v1/approvals:watch" => Answer::open_events(&events),
        _ => Answer::json(page(std::slice::from_ref(&first), None)),
    });
    let watching = Watching::start(&service, &[]);
    let lines = [(); 4].map(|()| watching.line());
    assert!(lines[0].contains(ID) && lines[0].contains("  new "), "{lines:?}");
    assert!(lines[1].contains(OTHER) && lines[1].contains("  new "), "{lines:?}");
    assert!(lines[2].contains(ID) && lines[2].contains("released"), "{lines:?}");
    assert!(
        lines[3].contains(OTHER) && lines[3].contains("  left ") && lines[3].contains("caller left"),
        "{lines:?}"
    );
}

#[test]
fn a_line_says_what_changed() {
    let vote = json!({"reviewer": "bob", "verdict": "approve", "reason": null, "at": "2026-11-21T12:00:00Z"});
    let steps = [
        (json!({}), "new"),
        (json!({"votes": [vote]}), "vote"),
        (json!({"votes": [vote], "deadline": "2027-01-01T00:00:00Z"}), "extended"),
        (json!({"votes": [vote], "deadline": "2027-01-01T00:00:00Z", "waiting": false}), "left"),
        (json!({"votes": [vote], "deadline": "2027-01-01T00:00:00Z"}), "back"),
        (json!({"votes": [vote], "state": "expired"}), "expired"),
    ];
    let events: String = steps.iter().map(|(changes, _)| event(&approval(changes.clone()))).collect();
    let service = Service::start(move |asked| match asked.path.as_str() {
        "/v1/approvals:watch" => Answer::open_events(&events),
        _ => Answer::json(page(&[], None)),
    });
    let watching = Watching::start(&service, &[]);
    for (_, word) in steps {
        let line = watching.line();
        assert_eq!(line.split_whitespace().nth(1), Some(word), "{line}");
        assert_eq!(line.find(ID), Some(33), "in its column: {line}");
    }
}

#[test]
fn the_bell_rings_on_demand_for_new_calls_that_one_can_decide() {
    let others = approval(json!({"id": OTHER, "can_decide": false, "cannot_decide_reason": "own call"}));
    let events =
        [&others, &approval(json!({})), &approval(json!({"waiting": false}))].map(|a| event(a)).concat();
    for (args, rings) in [(&["--bell"][..], 1), (&[], 0)] {
        let events = events.clone();
        let service = Service::start(move |asked| match asked.path.as_str() {
            "/v1/approvals:watch" => Answer::open_events(&events),
            _ => Answer::json(page(&[], None)),
        });
        let rung = Watching::start(&service, args).rung_within(3);
        assert_eq!(rung, rings, "{args:?}");
    }
}

#[test]
fn json_prints_one_line_per_change() {
    let multi_line = approval(json!({})).replace(",\"state\"", ",\ndata: \"state\"");
    let service = Service::start(move |asked| match asked.path.as_str() {
        "/v1/approvals:watch" => Answer::open_events(&event(&multi_line)),
        _ => Answer::json(page(&[], None)),
    });
    let line = Watching::start(&service, &["--json"]).line();
    let printed: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(printed["id"], ID);
}

#[test]
fn after_a_lost_connection_it_shows_what_was_missed() {
    // First a stream that ends; then one that is refused for a moment; meanwhile somebody decided.
    let service = Service::start(|asked| match (asked.path.as_str(), asked.number) {
        ("/v1/approvals:watch", 0) => Answer::events(": hello\n\n"),
        ("/v1/approvals:watch", 2) => Answer::page(502),
        ("/v1/approvals:watch", _) => Answer::open_events(": hello\n\n"),
        ("/v1/approvals", 1) => Answer::json(page(&[approval(json!({}))], None)),
        ("/v1/approvals", _) => Answer::json(page(&[approval(json!({"id": OTHER}))], None)),
        _ => Answer::json(approval(json!({"state": "rejected"}))),
    });
    let watching = Watching::start(&service, &[]);
    let lines = [(); 3].map(|()| watching.line());
    assert!(lines[0].contains(ID) && lines[0].contains("  new "), "{lines:?}");
    assert!(lines[1].contains(ID) && lines[1].contains("rejected"), "{lines:?}");
    assert!(lines[2].contains(OTHER) && lines[2].contains("  new "), "{lines:?}");
}

#[test]
fn lost_hints_make_it_look_again() {
    let service = Service::start(|asked| match (asked.path.as_str(), asked.number) {
        ("/v1/approvals:watch", _) => Answer::open_events("event: anything\ndata: {}\n\n"),
        ("/v1/approvals", 1) => Answer::json(page(&[], None)),
        _ => Answer::json(page(&[approval(json!({}))], None)),
    });
    assert!(Watching::start(&service, &[]).line().contains(ID));
}

#[test]
fn a_token_that_ends_meanwhile_is_shown_anew_and_once() {
    let service = Service::start(|asked| match (asked.path.as_str(), asked.number) {
        ("/v1/approvals:watch", 0) => Answer::open_events("event: anything\ndata: {}\n\n"),
        ("/v1/approvals:watch", 3) => Answer::open_events(": hello\n\n"),
        ("/v1/approvals", 1) => Answer::json(page(&[], None)),
        ("/v1/approvals", 4) => Answer::json(page(&[approval(json!({}))], None)),
        _ => Answer::problem(401, "unauthenticated", json!({})),
    });
    assert!(Watching::start(&service, &[]).line().contains(ID));
    let refused = Service::start(|asked| match (asked.path.as_str(), asked.number) {
        ("/v1/approvals:watch", 0) => Answer::open_events("event: anything\ndata: {}\n\n"),
        ("/v1/approvals", 1) => Answer::json(page(&[], None)),
        _ => Answer::problem(401, "unauthenticated", json!({})),
    });
    assert_eq!(refused.run(&["watch"]).code, 4);
}

#[test]
fn what_cannot_work_ends_it() {
    let refused = Service::start(|_| Answer::problem(401, "unauthenticated", json!({})));
    assert_eq!(refused.run(&["watch"]).code, 4);
    let down = Service::start(|_| Answer::problem(503, "store-unavailable", json!({})));
    assert_eq!(down.run(&["watch"]).code, 6, "nothing ever worked at this address");
}
