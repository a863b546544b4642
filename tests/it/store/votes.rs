//! What reviewers decide.

use std::time::Duration;

use holdpoint::domain::approval::{State, StateKind, VoteRefused};
use holdpoint::domain::decision::{Membership, ReasonCode, Vote};
use holdpoint::domain::ids::{ApprovalId, Subject};
use holdpoint::domain::sample;
use holdpoint::store::{ApprovalStore, VoteError};
use jiff::Timestamp;

use super::stage::{Kind, approve, fingerprint, held, members_of, one_of_each, reject, vote};

/// Votes in vain, and checks that the refusal tells what stands.
async fn refused(store: &dyn ApprovalStore, id: &ApprovalId, vote: &Vote) -> VoteRefused {
    match store.vote(id, vote).await {
        Err(VoteError::Refused { why, standing }) => {
            assert_eq!(store.look(id).await.unwrap().unwrap(), *standing);
            why
        }
        other => panic!("not refused: {other:?}"),
    }
}

pub async fn one_approval_is_enough_where_one_is_needed(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    let approved = stage.there.vote(&parked.id, &approve("bob")).await.unwrap();
    let State::Approved { at, until, .. } = approved.state else { panic!("{:?}", approved.state) };
    assert_eq!(until, at + Duration::from_secs(300), "the grant of the terms");
    assert_eq!((approved.seq, approved.epoch, approved.holder), (2, 1, parked.holder));
    assert_eq!(approved.votes[0].at, at, "the store's time, not the sender's");
    assert_eq!(stage.look(&parked.id).await, approved);
}

pub async fn a_rejection_ends_it_and_the_first_decision_stands(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&held(|h| h.terms.approvals = 2)).await;
    let rejected = stage.here.vote(&parked.id, &reject("bob")).await.unwrap();
    assert_eq!(rejected.state.kind(), StateKind::Rejected);
    assert_eq!(rejected.deciding_vote().unwrap().reviewer, Subject("bob".into()));
    assert_eq!(refused(&*stage.there, &parked.id, &approve("eve")).await, VoteRefused::NotOpen);
    assert_eq!(stage.look(&parked.id).await, rejected);
}

pub async fn as_many_different_people_as_needed_have_to_approve(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&held(|h| h.terms.approvals = 3)).await;
    for (reviewer, missing) in [("bob", 2), ("eve", 1), ("joe", 0)] {
        let voted = stage.there.vote(&parked.id, &approve(reviewer)).await.unwrap();
        assert_eq!(voted.approvals_missing(), missing);
        assert_eq!(voted.state == State::Pending, missing > 0, "{:?}", voted.state);
    }
    let reviewers: Vec<_> = stage.look(&parked.id).await.votes.into_iter().map(|v| v.reviewer.0).collect();
    assert_eq!(reviewers, ["bob", "eve", "joe"], "in the order in which they came");
}

pub async fn one_out_of_each_group_has_to_approve(kind: Kind) {
    let stage = kind.stage().await;
    let (dba, security, both) = (&["dba"][..], &["security"][..], &["dba", "security"][..]);
    for people in
        [&[dba, security][..], &[both, both], &[both, dba], &[dba, dba, dba, security], &[dba, both]]
    {
        let parked = stage.park(&held(|h| h.terms = one_of_each(both))).await;
        for (n, groups) in people.iter().enumerate() {
            let marks = parked.held.terms.marks(&members_of(groups));
            let vote = Vote { marks: marks.clone(), ..approve(&format!("reviewer {n}")) };
            let voted = stage.there.vote(&parked.id, &vote).await.unwrap();
            assert_eq!(voted.votes[n].marks, marks);
            let is_last = n + 1 == people.len();
            assert_eq!(voted.state.kind() == StateKind::Approved, is_last, "{people:?} at {n}");
            assert_eq!(voted.approvals_missing() == 0, is_last, "{people:?} at {n}");
        }
    }
}

pub async fn one_person_in_two_groups_counts_once(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&held(|h| h.terms = one_of_each(&["dba", "security"]))).await;
    let marks = parked.held.terms.marks(&Membership::All);
    let voted = stage.here.vote(&parked.id, &Vote { marks, ..approve("bob") }).await.unwrap();
    assert_eq!((voted.state, voted.approvals_missing()), (State::Pending, 1));
}

pub async fn a_vote_that_says_for_nobody_counts_for_none_of_several_groups(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&held(|h| h.terms = one_of_each(&["dba", "security"]))).await;
    for reviewer in ["bob", "eve", "joe"] {
        let voted = stage.here.vote(&parked.id, &approve(reviewer)).await.unwrap();
        assert_eq!((voted.state, voted.approvals_missing()), (State::Pending, 2));
    }
}

pub async fn a_reviewer_votes_once(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&held(|h| h.terms.approvals = 2)).await;
    let voted = stage.here.vote(&parked.id, &approve("bob")).await.unwrap();
    for again in [approve("bob"), reject("bob")] {
        assert_eq!(refused(&*stage.there, &parked.id, &again).await, VoteRefused::AlreadyVoted);
    }
    assert_eq!(stage.look(&parked.id).await, voted);
}

pub async fn a_decision_sent_again_counts_once(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&held(|h| h.terms.approvals = 2)).await;
    let first = approve("bob");
    let voted = stage.here.vote(&parked.id, &first).await.unwrap();
    assert_eq!(stage.there.vote(&parked.id, &first).await.unwrap(), voted);
    let rejected = stage.here.vote(&parked.id, &reject("eve")).await.unwrap();
    assert_eq!(stage.here.vote(&parked.id, &first).await.unwrap(), rejected, "also when it has ended");
}

pub async fn a_decision_on_another_call_does_not_count(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    let other = Vote { fingerprint: Some(fingerprint('2')), ..approve("bob") };
    assert_eq!(refused(&*stage.here, &parked.id, &other).await, VoteRefused::FingerprintMismatch);
    assert_eq!(stage.look(&parked.id).await, parked);
    let same = Vote { fingerprint: Some(parked.held.fingerprint), ..approve("bob") };
    assert_eq!(stage.here.vote(&parked.id, &same).await.unwrap().state.kind(), StateKind::Approved);
}

pub async fn a_decision_on_what_another_life_of_the_store_showed_does_not_count(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&sample::held()).await;
    let elsewhere = Vote { seen_in: Some("11".repeat(20).parse().unwrap()), ..approve("bob") };
    assert_eq!(refused(&*stage.here, &parked.id, &elsewhere).await, VoteRefused::Void);
    assert_eq!(stage.look(&parked.id).await, parked);
    let here = Vote { seen_in: Some(parked.seen_in), ..elsewhere };
    assert_eq!(stage.there.vote(&parked.id, &here).await.unwrap().state.kind(), StateKind::Approved);
}

pub async fn nothing_is_decided_after_the_deadline(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&held(|h| h.terms.expires = Duration::from_millis(40))).await;
    stage.overdue(&parked.id).await;
    assert_eq!(refused(&*stage.here, &parked.id, &approve("bob")).await, VoteRefused::NotOpen);
    assert_eq!(stage.look(&parked.id).await, parked);
}

pub async fn a_vote_on_nothing_is_told_so(kind: Kind) {
    let stage = kind.stage().await;
    let id = ApprovalId::new("default".parse().unwrap(), Timestamp::now());
    assert_eq!(stage.here.vote(&id, &approve("bob")).await, Err(VoteError::NotFound(id)));
}

pub async fn a_vote_keeps_what_the_reviewer_said(kind: Kind) {
    let stage = kind.stage().await;
    let parked = stage.park(&held(|h| h.terms.approvals = 3)).await;
    let sent = [
        Vote {
            reason: Some("ä \"\n\u{0}".into()),
            reason_code: Some(ReasonCode::Checked),
            fingerprint: Some(parked.held.fingerprint),
            seen_in: Some(parked.seen_in),
            trace: Some("00-1-2-01".into()),
            ..approve("bob, € \n")
        },
        Vote { reason: Some(String::new()), proof: Some("token bob".into()), ..approve("") },
        vote("eve", holdpoint::domain::decision::Verdict::Reject),
    ];
    for vote in &sent {
        stage.here.vote(&parked.id, vote).await.unwrap();
    }
    for (kept, sent) in stage.look(&parked.id).await.votes.iter().zip(sent) {
        assert_eq!(*kept, Vote { at: kept.at, ..sent });
    }
}
