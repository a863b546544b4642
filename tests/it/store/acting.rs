//! What people do beside voting.

use std::time::Duration;

use holdpoint::domain::act::{Act, ActRefused, Verb};
use holdpoint::domain::approval::{Cancellation, State, StateKind};
use holdpoint::domain::decision::Vote;
use holdpoint::domain::ids::{ApprovalId, DecisionId, Subject};
use holdpoint::domain::sample;
use holdpoint::store::{ActError, ApprovalStore};
use jiff::Timestamp;

use super::stage::{Kind, approve, held};

const MINUTE: Duration = Duration::from_secs(60);

fn act(verb: Verb) -> Act {
    Act {
        id: DecisionId::random(),
        by: Subject("olga, € \n".into()),
        proof: Some("token olga".into()),
        verb,
        reason: Some("an \"incident\", ä\n".into()),
        seen_in: None,
        at: Timestamp::UNIX_EPOCH,
    }
}

fn extend(by: Duration) -> Act {
    act(Verb::Extend { by, longest: 60 * MINUTE })
}

async fn refused(store: &dyn ApprovalStore, id: &ApprovalId, act: &Act) -> ActRefused {
    match store.act(id, act).await {
        Err(ActError::Refused { why, standing }) => {
            assert_eq!(store.look(id).await.unwrap().unwrap(), *standing);
            why
        }
        other => panic!("not refused: {other:?}"),
    }
}

pub async fn what_is_pending_is_cancelled_and_stays_so(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    let cancel = act(Verb::Cancel);
    assert_eq!(refused(&*stage.here, &parked.id, &act(Verb::Revoke)).await, ActRefused::WrongState);
    let cancelled = stage.there.act(&parked.id, &cancel).await.unwrap();
    let State::Cancelled { at, why: Cancellation::ByHand } = cancelled.state else {
        panic!("{:?}", cancelled.state)
    };
    assert_eq!(cancelled.acts, [Act { at, ..cancel.clone() }], "what was said, and the store's time");
    assert_eq!(stage.here.act(&parked.id, &cancel).await.unwrap(), cancelled, "sent again");
    assert_eq!(refused(&*stage.here, &parked.id, &act(Verb::Cancel)).await, ActRefused::WrongState);
    assert!(stage.here.vote(&parked.id, &approve("bob")).await.is_err());
}

pub async fn what_is_approved_is_revoked_and_released_to_nobody(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    stage.here.vote(&parked.id, &approve("bob")).await.unwrap();
    assert_eq!(refused(&*stage.here, &parked.id, &act(Verb::Cancel)).await, ActRefused::WrongState);
    let revoked = stage.there.act(&parked.id, &act(Verb::Revoke)).await.unwrap();
    assert!(matches!(revoked.state, State::Cancelled { why: Cancellation::Revoked, .. }));
    let attempt = super::stage::attempt(&parked);
    let claimed = stage.here.claim(&parked.id, attempt, &parked.held.fingerprint).await.unwrap();
    assert_eq!(claimed, Some(revoked), "too late");
}

pub async fn what_was_released_is_not_revoked(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    stage.here.vote(&parked.id, &approve("bob")).await.unwrap();
    let attempt = super::stage::attempt(&parked);
    stage.here.claim(&parked.id, attempt, &parked.held.fingerprint).await.unwrap();
    assert_eq!(refused(&*stage.here, &parked.id, &act(Verb::Revoke)).await, ActRefused::WrongState);
}

pub async fn an_extension_moves_the_deadline_once_and_not_too_far(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    let first = extend(MINUTE);
    for _ in 0..2 {
        let extended = stage.there.act(&parked.id, &first).await.unwrap();
        assert_eq!((extended.deadline, extended.seq), (parked.deadline + MINUTE, 2));
    }
    assert_eq!(refused(&*stage.here, &parked.id, &extend(60 * MINUTE)).await, ActRefused::TooLong);
    let second = extend(44 * MINUTE);
    let extended = stage.here.act(&parked.id, &second).await.unwrap();
    assert_eq!(extended.deadline, parked.created_at + 60 * MINUTE, "up to the longest");
    // The first once more, behind the second: it was done.
    let extended = stage.here.act(&parked.id, &first).await.unwrap();
    let cancel = act(Verb::Cancel);
    let cancelled = stage.there.act(&parked.id, &cancel).await.unwrap();
    let kept: Vec<_> = cancelled.acts.iter().map(|act| act.id).collect();
    assert_eq!(kept, [first.id, second.id, cancel.id], "all are kept");
    assert_eq!(extended.acts[..], cancelled.acts[..2]);
}

pub async fn an_act_on_what_another_life_showed_is_not_done(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    let elsewhere = Some("ab".repeat(20).parse().unwrap());
    for verb in [Verb::Cancel, Verb::Extend { by: MINUTE, longest: 60 * MINUTE }] {
        let meant_for_another = Act { seen_in: elsewhere, ..act(verb) };
        assert_eq!(refused(&*stage.here, &parked.id, &meant_for_another).await, ActRefused::Void);
    }
    let seen = Act { seen_in: Some(parked.seen_in), ..act(Verb::Cancel) };
    let cancelled = stage.there.act(&parked.id, &seen).await.unwrap();
    assert_eq!(cancelled.acts[0].seen_in, seen.seen_in);
}

pub async fn what_is_extended_is_not_swept_before_its_new_deadline(kind: Kind) {
    let stage = kind.stage().await;
    let soon = Duration::from_millis(300);
    let parked = stage.park(&held(|h| h.terms.expires = soon)).await;
    let other = stage.park(&held(|h| h.terms.expires = soon)).await;
    stage.here.act(&parked.id, &extend(MINUTE)).await.unwrap();
    stage.swept_into(&other.id, StateKind::Expired).await;
    assert_eq!(stage.look(&parked.id).await.state, State::Pending);
}

pub async fn nothing_is_done_to_what_is_overdue(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&held(|h| h.terms.expires = Duration::from_millis(40))).await;
    stage.overdue(&parked.id).await;
    for late in [act(Verb::Cancel), extend(MINUTE)] {
        assert_eq!(refused(&*stage.here, &parked.id, &late).await, ActRefused::WrongState);
    }
}

pub async fn an_act_on_nothing_is_told_so(kind: Kind) {
    let stage = kind.stage().await;
    let id = ApprovalId::new("default".parse().unwrap(), Timestamp::now());
    assert_eq!(stage.here.act(&id, &act(Verb::Cancel)).await, Err(ActError::NotFound(id)));
}

pub async fn the_glass_is_broken_by_one_whatever_the_rule_wants(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&held(|h| h.terms.approvals = 3)).await;
    stage.here.vote(&parked.id, &approve("bob")).await.unwrap();
    let glass = Vote { ticket: Some("INC-1, \"x\"".into()), ..approve("bob") };
    let broken = stage.there.vote(&parked.id, &glass).await.unwrap();
    assert_eq!(broken.state.kind(), StateKind::Approved);
    assert_eq!(broken.broken_glass().unwrap().ticket, glass.ticket);
    assert_eq!(broken.deciding_vote().unwrap().decision, glass.decision);
}
