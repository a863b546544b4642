//! What was asked and decided before.

use std::time::Duration;

use holdpoint::domain::approval::{Approval, Departure, Held};
use holdpoint::domain::ids::Subject;
use holdpoint::store::Precedents;

use super::stage::{Kind, Stage, approve, attempt, fingerprint, held, reject};
use crate::support::eventually::eventually;

async fn known(stage: &Stage, approval: &Approval) -> Precedents {
    stage.there.precedents(&approval.id).await.unwrap()
}

/// The call of this digit; the same caller and tool, other arguments.
fn call(digit: char) -> Held {
    held(|h| h.fingerprint = fingerprint(digit))
}

async fn approved(stage: &Stage, held: &Held) -> Approval {
    let parked = stage.park(held).await;
    stage.here.vote(&parked.id, &approve("ana")).await.unwrap();
    // Released, so that the identical call is asked for anew.
    let released = stage.here.claim(&parked.id, attempt(&parked), &held.fingerprint).await;
    released.unwrap().unwrap()
}

pub async fn the_first_call_of_a_tool_by_a_caller_is_known_as_such(kind: Kind) {
    let stage = kind.stage().await;
    let first = stage.park(&call('1')).await;
    assert_eq!(known(&stage, &first).await, Precedents { calls: 1, ..Precedents::default() });
    for other in [
        held(|h| h.tool = Some("drop_table".into())),
        held(|h| h.caller.subject = Some(Subject("somebody-else".into()))),
        held(|h| h.terms.queue = "dba".parse().unwrap()),
    ] {
        let other = stage.park(&other).await;
        assert_eq!(known(&stage, &other).await.calls, 1);
    }
    let second = stage.park(&call('2')).await;
    assert_eq!(known(&stage, &second).await.calls, 2);
    let nothing = super::stage::parking(&call('3'), stage.replica()).id;
    assert_eq!(stage.there.precedents(&nothing).await.unwrap(), Precedents::default());
}

pub async fn what_was_decided_on_the_identical_call_is_known(kind: Kind) {
    let stage = kind.stage().await;
    for _ in 0..2 {
        approved(&stage, &call('1')).await;
    }
    let last = approved(&stage, &call('1')).await;
    let rejected = stage.park(&call('1')).await;
    let rejected = stage.here.vote(&rejected.id, &reject("bob")).await.unwrap();
    approved(&stage, &call('2')).await;

    let asked = stage.park(&call('1')).await;
    let known = known(&stage, &asked).await;
    assert_eq!((known.calls, known.approved, known.rejected), (6, Some(last), Some(rejected)));
    assert_eq!(known.alike, None, "nothing to compare with where there is an identical one");
}

pub async fn the_last_approved_call_of_the_same_caller_and_tool_is_known_to_compare_with(kind: Kind) {
    let stage = kind.stage().await;
    approved(&stage, &call('1')).await;
    let last = approved(&stage, &call('2')).await;
    let rejected = stage.park(&call('3')).await;
    stage.here.vote(&rejected.id, &reject("bob")).await.unwrap();
    let undecided = stage.park(&call('4')).await;
    stage.here.detach(&undecided.id, attempt(&undecided), Departure::CallerGone).await.unwrap();

    let asked = stage.park(&call('5')).await;
    let known = known(&stage, &asked).await;
    assert_eq!((known.approved, known.rejected, known.alike), (None, None, Some(last)));
}

pub async fn precedents_are_forgotten_with_their_records(kind: Kind) {
    let stage = kind.stage_that_keeps(Duration::from_millis(100)).await;
    let gone = approved(&stage, &call('1')).await;
    eventually("it is forgotten", async || {
        stage.here.sweep().await.unwrap();
        stage.here.look(&gone.id).await.unwrap().is_none().then_some(())
    })
    .await;
    let asked = stage.park(&call('1')).await;
    assert_eq!(known(&stage, &asked).await, Precedents { calls: 1, ..Precedents::default() });
}
