use std::time::Duration;

use super::*;
use crate::domain::ids::{DecisionId, Subject};
use crate::domain::quorum::Marks;
use crate::domain::ruling::Late;
use crate::domain::sample;

fn vote(name: &str, verdict: Verdict) -> Vote {
    Vote {
        decision: DecisionId::random(),
        reviewer: Subject(name.into()),
        proof: None,
        verdict,
        marks: Marks::default(),
        reason: None,
        reason_code: None,
        ticket: None,
        fingerprint: None,
        seen_in: None,
        at: Timestamp::UNIX_EPOCH,
        trace: None,
    }
}

fn with(change: impl FnOnce(&mut Terms)) -> (Approval, AttemptId, Timestamp) {
    let mut held = sample::held();
    change(&mut held.terms);
    let approval = sample::parked(held);
    let attempt = approval.holder.unwrap().attempt;
    let now = approval.created_at;
    (approval, attempt, now)
}

fn pending() -> (Approval, AttemptId, Timestamp) {
    with(|_| ())
}

fn another() -> Holder {
    Holder { attempt: AttemptId::random(), replica: ReplicaId::random(), origin: None }
}

const HERE: Incarnation = Incarnation::ONLY;
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_approved_call_is_released_to_its_attempt_once() {
    let (mut approval, attempt, now) = pending();
    let fingerprint = approval.held.fingerprint;
    approval.claim(attempt, &fingerprint, now, HERE);
    assert_eq!(approval.release(attempt, &fingerprint), None, "nobody approved");

    approval.vote(vote("bob", Verdict::Approve), now, HERE).unwrap();
    assert_eq!(approval.release(attempt, &fingerprint), None, "approved is not released");
    approval.claim(AttemptId::random(), &fingerprint, now, HERE);
    assert_eq!(approval.state.kind(), StateKind::Approved, "a stranger claimed");
    approval.claim(attempt, &"22".repeat(32).parse().unwrap(), now, HERE);
    assert_eq!(approval.state.kind(), StateKind::Approved, "another call claimed");

    approval.claim(attempt, &fingerprint, now, HERE);
    let release = approval.release(attempt, &fingerprint).unwrap();
    assert_eq!(release.by().reviewer, Subject("bob".into()));
    let seq = approval.seq;
    approval.claim(attempt, &fingerprint, now, HERE);
    approval.detach(attempt, Departure::CallerGone, now);
    assert!(!approval.take_up(another(), now, HERE));
    assert_eq!((approval.state.kind(), approval.seq), (StateKind::Released, seq), "final");
}

#[test]
fn the_first_decision_stands() {
    let (mut approval, _, now) = pending();
    approval.vote(vote("bob", Verdict::Reject), now, HERE).unwrap();
    assert_eq!(approval.vote(vote("eve", Verdict::Approve), now, HERE), Err(VoteRefused::NotOpen));
    assert_eq!(approval.state, State::Rejected { at: now });
    assert_eq!(approval.deciding_vote().unwrap().reviewer, Subject("bob".into()));
}

#[test]
fn as_many_different_people_as_the_rule_asks_for_have_to_approve() {
    let (mut approval, _, now) = with(|terms| terms.approvals = 2);
    approval.vote(vote("bob", Verdict::Approve), now, HERE).unwrap();
    assert_eq!(approval.vote(vote("bob", Verdict::Approve), now, HERE), Err(VoteRefused::AlreadyVoted));
    assert_eq!((approval.state, approval.approvals_missing()), (State::Pending, 1));
    approval.vote(vote("eve", Verdict::Approve), now, HERE).unwrap();
    assert_eq!(approval.state.kind(), StateKind::Approved);
}

#[test]
fn a_decision_sent_twice_counts_once_and_is_no_error() {
    let (mut approval, _, now) = with(|terms| terms.approvals = 2);
    let vote = vote("bob", Verdict::Approve);
    approval.vote(vote.clone(), now, HERE).unwrap();
    let seq = approval.seq;
    approval.vote(vote, now, HERE).unwrap();
    assert_eq!((approval.votes.len(), approval.seq), (1, seq));
}

#[test]
fn a_decision_on_another_call_than_the_recorded_one_does_not_count() {
    let (mut approval, _, now) = pending();
    let seen = Some("22".repeat(32).parse().unwrap());
    let vote = Vote { fingerprint: seen, ..vote("bob", Verdict::Approve) };
    assert_eq!(approval.vote(vote, now, HERE), Err(VoteRefused::FingerprintMismatch));
    assert_eq!(approval.state, State::Pending);
}

#[test]
fn a_decision_on_what_another_life_of_the_store_showed_does_not_count() {
    let elsewhere: Incarnation = "11".repeat(20).parse().unwrap();
    let (mut approval, _, now) = pending();
    let seen_elsewhere = Vote { seen_in: Some(elsewhere), ..vote("bob", Verdict::Approve) };
    assert_eq!(approval.vote(seen_elsewhere, now, HERE), Err(VoteRefused::Void));
    assert_eq!((approval.state, approval.votes.len()), (State::Pending, 0));

    let seen_here = Vote { seen_in: Some(HERE), ..vote("bob", Verdict::Approve) };
    approval.vote(seen_here.clone(), now, HERE).unwrap();
    approval.vote(seen_here, now, elsewhere).expect("it was counted, and is not lost");
}

#[test]
fn what_is_open_and_older_than_this_life_of_the_store_may_have_run() {
    let elsewhere: Incarnation = "11".repeat(20).parse().unwrap();
    let (mut approval, attempt, now) = pending();
    assert!(!approval.may_have_run());
    let seen_elsewhere = Approval { seen_in: elsewhere, ..approval.clone() };
    assert!(seen_elsewhere.may_have_run());

    approval.vote(vote("bob", Verdict::Approve), now, elsewhere).unwrap();
    approval.claim(attempt, &approval.held.fingerprint.clone(), now, HERE);
    assert!(approval.may_have_run(), "asked again");
    approval.vote(vote("bob", Verdict::Reject), now, HERE).unwrap();
    assert!(!approval.may_have_run(), "it has ended");
}

#[test]
fn nothing_is_decided_at_or_after_the_deadline() {
    let (mut approval, _, _) = pending();
    let deadline = approval.deadline;
    assert!(!approval.lapse(deadline - SECOND));
    assert_eq!(approval.vote(vote("bob", Verdict::Approve), deadline, HERE), Err(VoteRefused::NotOpen));
    assert!(approval.lapse(deadline));
    assert_eq!(approval.state, State::Expired { at: deadline });
}

#[test]
fn a_grant_is_redeemed_once_by_whoever_makes_the_call_again_in_time() {
    let (mut approval, attempt, now) = pending();
    approval.detach(attempt, Departure::CallerGone, now);
    assert_eq!((approval.holder, approval.left_at), (None, Some(now)));
    approval.vote(vote("bob", Verdict::Approve), now, HERE).unwrap();
    let Some(until) = approval.due() else { panic!("a grant ends") };

    let mut late = approval.clone();
    assert!(!late.take_up(another(), until, HERE), "too late");
    assert!(late.lapse(until));
    assert_eq!(late.state, State::Cancelled { at: until, why: Cancellation::GrantUnused });

    let retry = another();
    assert!(approval.take_up(retry, now + SECOND, HERE));
    assert!(approval.release(retry.attempt, &approval.held.fingerprint).is_some());
    assert_eq!(approval.release(attempt, &approval.held.fingerprint), None, "the first attempt has left");
    assert!(!approval.take_up(another(), now + SECOND, HERE), "twice");
}

#[test]
fn an_approval_is_not_claimed_after_its_time() {
    let (mut approval, attempt, now) = with(|terms| terms.late = Late::Off);
    approval.vote(vote("bob", Verdict::Approve), now, HERE).unwrap();
    let fingerprint = approval.held.fingerprint;
    approval.claim(attempt, &fingerprint, now + CLAIM_WINDOW, HERE);
    assert_eq!(approval.state.kind(), StateKind::Approved);
}

#[test]
fn an_attempt_that_lost_its_record_to_another_changes_nothing() {
    let (mut approval, first, now) = pending();
    let epoch = approval.epoch;
    approval.detach(first, Departure::HoldOver, now);
    let second = another();
    assert!(approval.take_up(second, now, HERE));
    assert!(approval.epoch > epoch + 1);

    approval.detach(first, Departure::CallerGone, now);
    assert_eq!(approval.holder, Some(second));
    approval.vote(vote("bob", Verdict::Approve), now, HERE).unwrap();
    approval.claim(first, &approval.held.fingerprint.clone(), now, HERE);
    assert_eq!(approval.state.kind(), StateKind::Approved);
    assert_eq!(approval.release(first, &approval.held.fingerprint), None);
}

#[test]
fn without_late_approval_departure_ends_it() {
    for (departure, expected) in [
        (Departure::CallerGone, StateKind::Cancelled),
        (Departure::HoldOver, StateKind::Expired),
        (Departure::Draining, StateKind::Cancelled),
    ] {
        let (mut approval, attempt, now) = with(|terms| terms.late = Late::Off);
        approval.detach(attempt, departure, now);
        assert_eq!(approval.state.kind(), expected, "{departure:?}");
    }
    let (mut approval, attempt, now) = with(|terms| terms.late = Late::Off);
    assert_eq!(approval.deadline, now + approval.held.terms.hold, "it is open as long as it is held");
    approval.vote(vote("bob", Verdict::Approve), now, HERE).unwrap();
    approval.detach(attempt, Departure::CallerGone, now);
    assert_eq!(approval.state.kind(), StateKind::Cancelled, "approved, but nobody is there to claim it");
}

#[test]
fn an_approval_recorded_under_another_incarnation_is_asked_for_again_and_its_votes_are_void() {
    let elsewhere: Incarnation = "11".repeat(20).parse().unwrap();
    for redeemed in [false, true] {
        let (mut approval, mut attempt, now) = pending();
        let fingerprint = approval.held.fingerprint;
        if redeemed {
            approval.detach(attempt, Departure::CallerGone, now);
        }
        approval.vote(vote("bob", Verdict::Approve), now, elsewhere).unwrap();
        if redeemed {
            let retry = another();
            attempt = retry.attempt;
            assert!(approval.take_up(retry, now, HERE));
        } else {
            approval.claim(attempt, &fingerprint, now, HERE);
        }
        assert_eq!((approval.state, approval.void), (State::Pending, 1));
        assert_eq!(approval.release(attempt, &fingerprint), None);
        assert_eq!(approval.approvals_missing(), 1, "the vote is void");

        approval.vote(vote("bob", Verdict::Approve), now, HERE).expect("whoever voted before is asked again");
        approval.claim(attempt, &fingerprint, now, HERE);
        assert!(approval.release(attempt, &fingerprint).is_some());
    }
}

#[test]
fn who_is_asked_again_has_as_long_as_the_grant_was_good_for() {
    let elsewhere: Incarnation = "11".repeat(20).parse().unwrap();
    let (mut approval, attempt, _) = pending();
    let late = approval.deadline - SECOND;
    approval.vote(vote("bob", Verdict::Approve), late, elsewhere).unwrap();
    let until = approval.due().unwrap();
    approval.claim(attempt, &approval.held.fingerprint.clone(), late + SECOND, HERE);
    assert_eq!((approval.state, approval.deadline), (State::Pending, until));
}

#[test]
fn a_rejection_stands_for_identical_calls_until_its_cool_down_is_over() {
    let (mut approval, _, now) = pending();
    let cooldown = Duration::from_secs(60);
    assert!(!approval.rejects_again(cooldown, now), "it is open");
    approval.vote(vote("bob", Verdict::Reject), now, HERE).unwrap();
    assert!(approval.rejects_again(cooldown, now + cooldown - SECOND));
    assert!(!approval.rejects_again(cooldown, now + cooldown));
}

#[test]
fn votes_of_another_incarnation_do_not_count_towards_a_quorum() {
    let elsewhere: Incarnation = "11".repeat(20).parse().unwrap();
    let (mut approval, _, now) = with(|terms| terms.approvals = 2);
    approval.vote(vote("bob", Verdict::Approve), now, elsewhere).unwrap();
    approval.vote(vote("eve", Verdict::Approve), now, HERE).unwrap();
    assert_eq!((approval.state, approval.void, approval.approvals_missing()), (State::Pending, 1, 1));
    approval.vote(vote("bob", Verdict::Approve), now, HERE).expect("bob is asked again");
    assert_eq!(approval.state.kind(), StateKind::Approved);
}

#[test]
fn a_timeline_is_in_order_and_tells_which_votes_were_in_vain() {
    let elsewhere: Incarnation = "11".repeat(20).parse().unwrap();
    let (mut approval, attempt, now) = pending();
    let at = |seconds: u32| now + seconds * SECOND;
    let (first, second) = (vote("bob", Verdict::Approve), vote("ann", Verdict::Approve));
    let (first, second) = (Vote { at: at(1), ..first }, Vote { at: at(2), ..second });
    approval.vote(first.clone(), at(1), elsewhere).unwrap();
    approval.claim(attempt, &approval.held.fingerprint.clone(), at(1), HERE);
    approval.vote(second.clone(), at(2), HERE).unwrap();
    assert_eq!(
        approval.timeline(),
        [
            (now, Happened::Parked),
            (at(1), Happened::VotedInVain(&first)),
            (at(2), Happened::Voted(&second)),
            (at(2), Happened::CameTo(approval.state)),
        ]
    );
}
