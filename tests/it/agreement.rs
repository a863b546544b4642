//! The rules, the embedded store and Redis agree: the same random histories leave the same records everywhere.
//!
//! `HOLDPOINT_HISTORIES` says how many are tried (`make model`).

mod history;
mod reference;
mod subject;

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Runtime;

use history::{Step, on_any_store, on_redis};
use reference::Reference;
use subject::Subject;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// A number of histories; the slow ones are a part of them.
fn histories(part: u32) -> u32 {
    let all = std::env::var("HOLDPOINT_HISTORIES").map_or(200, |n| n.parse().expect("a number of histories"));
    (all / part).max(1)
}

/// Plays random histories to the rules and to a store, and compares what each step answers and leaves.
fn agree(subject: &mut Subject, number: u32, history: impl Strategy<Value = Vec<Step>>) {
    let config =
        Config { cases: number, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let subject = std::cell::RefCell::new(subject);
    let played = TestRunner::new(config).run(&history, |history| {
        let mut subject = subject.borrow_mut();
        RUNTIME.block_on(async {
            let mut reference = Reference::default();
            subject.begin().await;
            for (n, step) in history.iter().enumerate() {
                let Some(act) = reference.cast(step).filter(|act| subject.knows(act, &reference)) else {
                    continue;
                };
                let expected = reference.play(&act);
                let answered = subject.play(&act, &reference).await;
                prop_assert_eq!(&answered, &expected, "the answer to step {}, {:?}", n, act);
                let stands = subject.records().await;
                prop_assert_eq!(stands, reference.records(), "after step {}, {:?}", n, act);
            }
            if let Some(audited) = subject.audited() {
                prop_assert_eq!(audited, reference.changes(), "every change is in the audit, once");
            }
            Ok::<(), TestCaseError>(())
        })
    });
    if let Err(error) = played {
        panic!("{error}");
    }
}

#[test]
fn the_embedded_store_follows_the_rules() {
    agree(&mut Subject::memory(), histories(1) * 5, vec(on_any_store(), 1..40));
}

#[test]
fn redis_follows_the_rules() {
    let mut redis = RUNTIME.block_on(Subject::redis());
    agree(&mut redis, histories(1), vec(prop_oneof![8 => on_any_store(), 1 => on_redis()], 1..40));
}

#[test]
fn redis_follows_the_rules_in_another_life() {
    let mut redis = RUNTIME.block_on(Subject::redis());
    let steps = || vec(on_any_store(), 1..25);
    let lived_twice = (steps(), steps())
        .prop_map(|(before, after)| before.into_iter().chain([Step::Restart]).chain(after).collect());
    agree(&mut redis, histories(10), lived_twice);
}
