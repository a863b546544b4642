//! The commands of reviewers, against a service that really holds calls.

use std::process::Output;

use serde_json::Value;

use crate::support::processes::{Holdpoint, TOKEN, command, free_port};
use crate::support::world::{Agent, World};

/// Runs a command against a replica; gives its exit code and what it printed.
async fn run(replica: &Holdpoint, token: &str, args: &[&str]) -> (i32, String) {
    let environment = [("HOLDPOINT_URL", replica.admin()), ("HOLDPOINT_TOKEN", token)];
    let Output { status, stdout, stderr } = command(&environment, args).await;
    let said = [stdout, stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    (status.code().expect("it ends by itself"), said)
}

#[tokio::test]
async fn a_call_is_listed_shown_approved_and_rejected_from_the_command_line() {
    let world = World::start("").await;
    let (a, b) = (&world.a, &world.b);
    assert_eq!(run(b, TOKEN, &["pending"]).await, (0, "Nothing waits for a decision.\n".to_owned()));

    let calling = world.migrates(Agent::Modern, "v3");
    let id = b.reviewer().sees_one().await;
    let (code, listed) = run(b, TOKEN, &["pending", "--json"]).await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((code, &listed[0]["id"]), (0, &Value::from(id.as_str())));
    let (code, shown) = run(b, TOKEN, &["show", &id]).await;
    assert!(code == 0 && shown.contains("run_migration") && shown.contains("v3"), "{shown}");

    let (code, said) = run(b, TOKEN, &["approve", &id, "--fingerprint", "000000000000"]).await;
    assert!(code == 1 && said.contains("nothing was sent"), "{said}");
    let (code, said) = run(b, "a-token-that-nobody-has", &["approve", &id, "--yes"]).await;
    assert_eq!(code, 4, "{said}");
    assert!(calling.waits());

    let fingerprint = listed[0]["fingerprint"].as_str().unwrap();
    let (code, said) =
        run(b, TOKEN, &["approve", &id, "--fingerprint", fingerprint, "--reason", "planned"]).await;
    assert!(code == 0 && said.contains(&format!("{id} is approved")), "{said}");
    calling.answer().await.migrated("v2", "v3");
    for decide in [["approve", &id, "--yes"], ["reject", &id, "--reason=late"]] {
        let (code, said) = run(a, TOKEN, &decide).await;
        assert!(code == 3 && said.contains("no longer open"), "{said}");
    }

    let calling = world.migrates(Agent::Modern, "v4");
    let id = b.reviewer().sees_one().await;
    let (code, said) = run(b, TOKEN, &["reject", &id, "--reason", "v3 is enough"]).await;
    assert!(code == 0 && said.contains(&format!("{id} is rejected")), "{said}");
    let answer = calling.answer().await;
    answer.denied("rejected");
    assert!(answer.text.contains("v3 is enough"), "{answer:?}");
}

#[tokio::test]
async fn the_exit_code_says_why_nothing_was_shown() {
    let replica = Holdpoint::start("", None).await;
    let unknown = "default-0193a1b2c3d47e8f9a0b1c2d3e4f5061";
    for (token, args, expected) in [
        (TOKEN, &["show", unknown][..], 7),
        (TOKEN, &["approve", unknown, "--yes"], 7),
        ("a-token-that-nobody-has", &["pending"], 4),
        (TOKEN, &["pending", "--url", &format!("http://127.0.0.1:{}", free_port())], 6),
        (TOKEN, &["approve", unknown], 2),
    ] {
        let (code, said) = run(&replica, token, args).await;
        assert_eq!(code, expected, "{args:?}: {said}");
    }
}
