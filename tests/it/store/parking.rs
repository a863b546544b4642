//! Parking a call, and taking up what was parked.

use std::time::Duration;

use holdpoint::domain::approval::{Departure, Held, State, StateKind};
use holdpoint::domain::call::Caller;
use holdpoint::domain::ids::{ApprovalId, Group, Subject};
use holdpoint::domain::json::Json;
use holdpoint::domain::ruling::{DenialForm, Late};
use holdpoint::domain::sample;
use jiff::Timestamp;

use super::stage::{Kind, approve, attempt, fingerprint, held, reject};

pub async fn a_call_is_parked_and_found_as_it_was_asked(kind: Kind) {
    let stage = kind.stage().await;
    let parking = stage.parking(&sample::held());
    let parked = stage.here.park(&parking).await.unwrap();
    assert_eq!(parked.id, parking.id);
    assert_eq!((parked.seq, parked.epoch, parked.state), (1, 1, State::Pending));
    assert_eq!((parked.holder, parked.left_at), (Some(parking.holder), None));
    assert_eq!(parked.deadline, parked.created_at + parking.held.terms.expires);
    assert!(Timestamp::now().duration_since(parked.created_at).as_secs().abs() < 10);
    assert_eq!(stage.look(&parked.id).await, parked);
}

pub async fn bodies_survive_byte_for_byte(kind: Kind) {
    let stage = kind.stage().await;
    let long = "0123456789".repeat(20_000);
    let bodies = [
        r#"{"params":{"n":1234567890123456789012345678901234567890,"e":1e2,"f":1.0,"l":[],"o":{}}}"#
            .to_owned(),
        "{\"params\":{\"text\":\"ä €𝄞 \\u0000 \\\"\u{202e}\"}}\n\n".to_owned(),
        format!(r#"{{"params":{{"arguments":{{"long":"{long}"}}}}}}"#),
        String::new(),
    ];
    for body in bodies {
        let parked = stage.park(&held(|h| h.body.clone_from(&body))).await;
        let found = stage.look(&parked.id).await;
        assert!(found.held.body == body, "a body of {} bytes changed", body.len());
        assert_eq!(found.held.arguments(), parked.held.arguments());
    }
}

pub async fn everything_that_was_asked_survives(kind: Kind) {
    let stage = kind.stage().await;
    let full = held(|h| {
        h.caller = Caller {
            subject: Some(Subject("alice \"ä\"\n".into())),
            actors: vec![Subject("agent".into()), Subject("broker".into())],
            claims: Json::read(br#"{"n":12345678901234567890123,"l":[],"o":{},"s":"\u0000"}"#).unwrap(),
            credential: None,
        };
        h.terms.reviewers = vec![Group("dba".into()), Group("sre".into())];
        h.terms.late = Late::Off;
        h.terms.title = Some("Migrate\nall".into());
        h.terms.risk = Some("high".into());
        h.terms.form = DenialForm::Http403;
        h.terms.approvals = 3;
        h.request.headers = vec![("a".into(), "b".into()), ("a".into(), "\u{1}".into())];
        h.session = Some("session".into());
        h.trace = Some("00-1-2-01".into());
        h.redacted.dropped = vec!["/arguments/a~1\"b".into()];
        h.redacted.masked = vec![("/arguments/c".into(), r#"{"n":1.0}"#.into())];
    });
    let bare = held(|h| {
        h.caller = Caller::anonymous();
        h.tool = None;
        h.route = None;
        h.terms.form = DenialForm::Error;
    });
    for held in [full, bare] {
        let parked = stage.park(&held).await;
        assert_eq!(*stage.look(&parked.id).await.held, held);
    }
}

pub async fn an_unknown_record_is_none(kind: Kind) {
    let stage = kind.stage().await;
    let id = ApprovalId::new("default".parse().unwrap(), Timestamp::now());
    assert_eq!(stage.here.look(&id).await.unwrap(), None);
}

pub async fn two_identical_calls_that_both_wait_have_a_record_each(kind: Kind) {
    let stage = kind.stage().await;
    let first = stage.park(&sample::held()).await;
    let second = stage.park(&sample::held()).await;
    assert_ne!(first.id, second.id);
    assert_eq!(stage.look(&first.id).await, first);
}

pub async fn the_identical_call_takes_up_the_record_that_nobody_holds(kind: Kind) {
    let stage = kind.stage().await;
    let first = stage.park(&sample::held()).await;
    let left = stage.here.detach(&first.id, attempt(&first), Departure::HoldOver).await.unwrap().unwrap();
    let again = stage.parking(&held(|h| h.body = "another id".into()));
    let taken = stage.there.park(&again).await.unwrap();
    assert_eq!(taken.id, first.id);
    assert_eq!((taken.seq, taken.epoch), (left.seq + 1, left.epoch + 1));
    assert_eq!((taken.holder, taken.left_at), (Some(again.holder), None));
    assert_eq!((&taken.held, taken.deadline), (&first.held, first.deadline), "what was asked first stands");
    assert_eq!(stage.look(&first.id).await, taken);
    assert_ne!(stage.park(&sample::held()).await.id, first.id, "it is held again");
}

pub async fn an_approval_given_meanwhile_releases_the_next_identical_call_once(kind: Kind) {
    let stage = kind.stage().await;
    let first = stage.park(&sample::held()).await;
    stage.here.detach(&first.id, attempt(&first), Departure::CallerGone).await.unwrap();
    stage.there.vote(&first.id, &approve("bob")).await.unwrap();
    let again = stage.parking(&sample::held());
    let released = stage.here.park(&again).await.unwrap();
    assert!(released.release(again.holder.attempt, &again.held.fingerprint).is_some());
    assert_eq!(stage.look(&first.id).await, released);
    let third = stage.park(&sample::held()).await;
    assert_ne!(third.id, first.id);
    assert_eq!(third.state, State::Pending);
}

pub async fn an_approved_record_is_taken_up_before_a_pending_one(kind: Kind) {
    let stage = kind.stage().await;
    let first = stage.park(&sample::held()).await;
    let second = stage.park(&sample::held()).await;
    for approval in [&first, &second] {
        stage.here.detach(&approval.id, attempt(approval), Departure::CallerGone).await.unwrap();
    }
    stage.there.vote(&second.id, &approve("bob")).await.unwrap();
    let again = stage.park(&sample::held()).await;
    assert_eq!((&again.id, again.state.kind()), (&second.id, StateKind::Released));
}

pub async fn without_late_approval_nothing_is_taken_up(kind: Kind) {
    let stage = kind.stage().await;
    let strict = held(|h| h.terms.late = Late::Off);
    let first = stage.park(&strict).await;
    assert_eq!(first.deadline, first.created_at + strict.terms.hold, "it is open as long as it is held");
    stage.here.detach(&first.id, attempt(&first), Departure::CallerGone).await.unwrap();
    let again = stage.park(&strict).await;
    assert_ne!(again.id, first.id);
    assert_eq!(stage.look(&first.id).await.state.kind(), StateKind::Cancelled);
}

pub async fn another_call_or_queue_takes_nothing_up(kind: Kind) {
    let stage = kind.stage().await;
    let first = stage.park(&sample::held()).await;
    stage.here.detach(&first.id, attempt(&first), Departure::CallerGone).await.unwrap();
    let others: [fn(&mut Held); 3] = [
        |h| h.fingerprint = fingerprint('2'),
        |h| h.fingerprint = format!("{}{}", "1".repeat(63), "2").parse().unwrap(),
        |h| h.terms.queue = "dba".parse().unwrap(),
    ];
    for other in others {
        assert_ne!(stage.park(&held(other)).await.id, first.id);
    }
}

pub async fn what_has_ended_is_not_taken_up(kind: Kind) {
    let stage = kind.stage().await;
    let first = stage.park(&sample::held()).await;
    stage.here.detach(&first.id, attempt(&first), Departure::CallerGone).await.unwrap();
    stage.here.vote(&first.id, &reject("bob")).await.unwrap();
    assert_ne!(stage.park(&sample::held()).await.id, first.id);
}

pub async fn a_grant_is_not_redeemed_after_its_time(kind: Kind) {
    let stage = kind.stage().await;
    let short = held(|h| h.terms.late = Late::On { grant: Duration::from_millis(40) });
    let first = stage.park(&short).await;
    stage.here.detach(&first.id, attempt(&first), Departure::CallerGone).await.unwrap();
    stage.here.vote(&first.id, &approve("bob")).await.unwrap();
    stage.overdue(&first.id).await;
    assert_ne!(stage.park(&short).await.id, first.id);
    assert_eq!(stage.look(&first.id).await.state.kind(), StateKind::Approved, "the sweep will end it");
}

pub async fn a_park_sent_again_finds_its_record(kind: Kind) {
    for late in [Late::Off, sample::terms().late] {
        let stage = kind.stage().await;
        let parking = stage.parking(&held(|h| h.terms.late = late));
        let first = stage.here.park(&parking).await.unwrap();
        assert_eq!(stage.there.park(&parking).await.unwrap(), first);
        stage.there.vote(&first.id, &reject("bob")).await.unwrap();
        let rejected = stage.here.park(&parking).await.unwrap();
        assert_eq!((&rejected.id, rejected.state.kind()), (&first.id, StateKind::Rejected));
    }
}

pub async fn a_park_sent_again_finds_the_record_that_it_took_up_even_if_that_has_ended(kind: Kind) {
    let stage = kind.stage().await;
    let first = stage.park(&sample::held()).await;
    stage.here.detach(&first.id, attempt(&first), Departure::CallerGone).await.unwrap();
    let again = stage.parking(&sample::held());
    let taken = stage.here.park(&again).await.unwrap();
    assert_eq!(stage.here.park(&again).await.unwrap(), taken);
    let rejected = stage.here.vote(&first.id, &reject("bob")).await.unwrap();
    assert_eq!(stage.here.park(&again).await.unwrap(), rejected);
}

pub async fn a_park_sent_again_prefers_its_own_record_to_a_free_one(kind: Kind) {
    let stage = kind.stage().await;
    let first = stage.park(&sample::held()).await;
    let parking = stage.parking(&sample::held());
    let second = stage.here.park(&parking).await.unwrap();
    stage.here.detach(&first.id, attempt(&first), Departure::CallerGone).await.unwrap();
    assert_eq!(stage.here.park(&parking).await.unwrap(), second);
}

pub async fn a_park_sent_again_after_the_record_was_lost_to_another_changes_nothing(kind: Kind) {
    let stage = kind.stage().await;
    let parking = stage.parking(&sample::held());
    let first = stage.here.park(&parking).await.unwrap();
    stage.here.detach(&first.id, attempt(&first), Departure::CallerGone).await.unwrap();
    let taken = stage.park(&sample::held()).await;
    assert_eq!(taken.id, first.id);
    assert_eq!(stage.here.park(&parking).await.unwrap(), taken, "it belongs to the other attempt");
    assert_eq!(stage.look(&first.id).await, taken);

    stage.here.detach(&taken.id, attempt(&taken), Departure::CallerGone).await.unwrap();
    let rejected = stage.here.vote(&first.id, &reject("bob")).await.unwrap();
    assert_eq!(stage.here.park(&parking).await.unwrap(), rejected);
    assert_eq!(stage.look(&first.id).await, rejected);
}
