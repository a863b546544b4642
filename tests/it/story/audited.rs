//! The audit survives those who write it.

use std::fs;

use holdpoint::domain::audit::{Notary, verify};

use crate::support::eventually::eventually;
use crate::support::processes::{Holdpoint, RedisServer};

/// So many calls are asked for while replicas die.
const NOTES: usize = 60;

#[tokio::test]
async fn a_chain_has_no_gap_and_no_double_where_sealing_replicas_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (key, file) = (folder.path().join("audit.pem"), folder.path().join("audit.jsonl"));
    let notary = Notary::generate();
    fs::write(&key, notary.pem()).unwrap();
    let config = format!(
        "audit: {{ key_file: {}, checkpoint_every: 7, sinks: [{{ name: archive, file: {} }}] }}",
        key.display(),
        file.display()
    );
    let redis = RedisServer::start().await;
    let mut killed = Holdpoint::start(&config, Some(&redis)).await;
    for round in 1..=3 {
        let next = Holdpoint::start(&config, Some(&redis)).await;
        for n in 0..NOTES / 3 {
            // What was refused is written down, and cheap to bring about.
            let note = format!("{round}-{n}");
            let _: String = redis::cmd("XADD")
                .arg(&["holdpoint:{default}:audit", "*", "note", "denied", "about", "", "who", "", "detail"])
                .arg(format!(r#"{{"code":"{note}"}}"#))
                .query(&mut redis.connection())
                .unwrap();
        }
        killed.crash().await;
        killed = next;
    }
    let text = eventually("everything to be in the chain", async || {
        let export = killed.reviewer().get("/v1/audit:export?queue=default").await.text().await.ok()?;
        let entries = export.lines().filter(|line| line.starts_with(r#"{"entry""#)).count();
        (entries >= NOTES).then_some(export)
    })
    .await;
    let section = verify(&text, Some(&notary.public_key())).unwrap().chains["default"].clone();
    assert_eq!((section.first, section.last, section.repeated), (1, NOTES as u64, 0));
    for code in (1..=3).flat_map(|round| (0..NOTES / 3).map(move |n| format!(r#""code":"{round}-{n}""#))) {
        assert_eq!(text.matches(&code).count(), 1, "{code}");
    }
}
