//! Histories made by hand: right ones, and one for each thing that must be found.

use uuid::Uuid;

use super::*;

const CALL: Call = 7;

/// A history in the making. Each event is a millisecond after the one before.
#[derive(Default)]
struct Story(Vec<Observed>);

impl Story {
    fn then(mut self, event: Event) -> Self {
        let at = self.0.last().map_or(Duration::ZERO, |last| last.at) + Duration::from_millis(1);
        self.0.push(Observed { at, event });
        self
    }

    fn later(mut self, by: Duration, event: Event) -> Self {
        let at = self.0.last().map_or(Duration::ZERO, |last| last.at) + by;
        self.0.push(Observed { at, event });
        self
    }

    /// A Check on replica 0 that the gateway gives ten seconds.
    fn asked(self) -> Self {
        let due = Duration::from_secs(10);
        self.then(Event::Asked { attempt: 1, call: CALL, want: 1, replica: 0, due, after_death: false })
    }

    fn answered(self, answer: Answer) -> Self {
        self.then(Event::Answered { attempt: 1, answer })
    }

    fn sent(self, decision: u128, verdict: Verdict) -> Self {
        let decision = Uuid::from_u128(decision);
        self.then(Event::Decided { decision, approval: "a".into(), call: CALL, verdict })
    }

    fn told(self, decision: u128, told: Told) -> Self {
        self.then(Event::Told { decision: Uuid::from_u128(decision), told })
    }

    fn unsure(self, decision: u128) -> Self {
        self.then(Event::Unsure { decision: Uuid::from_u128(decision) })
    }

    fn decided(self, decision: u128, verdict: Verdict) -> Self {
        self.sent(decision, verdict).told(decision, Told::Acknowledged)
    }

    fn executed(self) -> Self {
        self.then(Event::Executed { call: CALL, approval: "a".into() })
    }

    fn fault(self, fault: Fault) -> Self {
        let replica = (fault == Fault::Freeze).then_some(0);
        self.then(Event::Fault { fault, replica })
    }

    fn record(self, state: State, approves: usize, rejects: usize) -> Self {
        let (created, deadline, settled) = (Duration::ZERO, Duration::from_secs(60), None);
        self.then(Event::Record {
            approval: "a".into(),
            call: CALL,
            state,
            created,
            deadline,
            settled,
            approves,
            rejects,
        })
    }

    /// How many findings there are of each kind.
    fn found(&self) -> Vec<(Violation, usize)> {
        let findings = check(&self.0, Duration::from_secs(1));
        let counts = Violation::ALL.map(|violation| (violation, findings.of(violation).len()));
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

fn story() -> Story {
    Story::default()
}

fn expired() -> Told {
    Told::Stands("expired".into())
}

fn rejected() -> Answer {
    Answer::Rejected { approval: "a".into() }
}

#[test]
fn an_approved_call_that_runs_once_is_fine() {
    let story = story().asked().decided(1, Verdict::Approve).executed().record(State::Released, 1, 0);
    assert_eq!(story.found(), []);
}

#[test]
fn a_rejected_call_that_does_not_run_is_fine() {
    let story =
        story().asked().decided(1, Verdict::Reject).answered(rejected()).record(State::Rejected, 0, 1);
    assert_eq!(story.found(), []);
}

#[test]
fn an_approval_whose_acknowledgement_got_lost_counts() {
    let story = story().asked().sent(1, Verdict::Approve).executed().record(State::Released, 1, 0);
    assert_eq!(story.found(), []);
}

#[test]
fn a_decision_that_a_failover_forgot_before_it_was_acknowledged_counts() {
    let forgotten =
        |verdict| story().asked().sent(1, verdict).unsure(1).fault(Fault::FailOver).told(1, expired());
    let ran = forgotten(Verdict::Approve).executed();
    assert_eq!(ran.record(State::Expired, 0, 0).found(), []);
    let refused = forgotten(Verdict::Reject).answered(rejected());
    assert_eq!(refused.record(State::Expired, 0, 0).found(), []);
}

#[test]
fn a_decision_that_was_only_sent_explains_one_execution_of_that_call() {
    let forgotten =
        || story().asked().sent(1, Verdict::Approve).unsure(1).fault(Fault::FailOver).told(1, expired());
    let twice = forgotten().executed().executed().record(State::Expired, 0, 0);
    assert_eq!(twice.found(), [(Violation::Repeated, 1)]);
    let other = forgotten().then(Event::Executed { call: CALL + 1, approval: "a".into() });
    assert_eq!(other.record(State::Expired, 0, 0).found(), [(Violation::Unapproved, 1)]);
}

#[test]
fn a_decision_that_is_refused_in_the_end_explains_nothing_unless_redis_may_have_forgotten_it() {
    let refused = |story: Story| {
        story.told(1, expired()).executed().answered(rejected()).record(State::Expired, 0, 0).found()
    };
    let sent = || story().asked().sent(1, Verdict::Approve).sent(2, Verdict::Reject).told(2, expired());
    let found = [(Violation::Unapproved, 1), (Violation::Unrecorded, 1), (Violation::Untrue, 1)];
    assert_eq!(refused(sent()), found);
    assert_eq!(refused(sent().unsure(1).unsure(2)), found);
    assert_eq!(refused(sent().fault(Fault::FailOver)), [found[0], found[2]]);
}

#[test]
fn a_call_that_runs_undecided_is_found() {
    let story = story().asked().executed().record(State::Released, 0, 0);
    assert_eq!(story.found(), [(Violation::Unapproved, 1)]);
}

#[test]
fn a_call_that_runs_before_it_is_approved_is_found() {
    let story = story().asked().executed().decided(1, Verdict::Approve).record(State::Released, 1, 0);
    assert_eq!(story.found(), [(Violation::Unapproved, 1)]);
}

#[test]
fn an_approval_that_was_refused_lets_nothing_run() {
    let refused = story().asked().sent(1, Verdict::Approve).told(1, expired());
    let story = refused.executed().record(State::Expired, 0, 0);
    assert_eq!(story.found(), [(Violation::Unapproved, 1), (Violation::Unrecorded, 1)]);
}

#[test]
fn another_call_than_the_approved_one_is_found() {
    let story =
        story().decided(1, Verdict::Approve).then(Event::Executed { call: CALL + 1, approval: "a".into() });
    assert_eq!(story.record(State::Released, 1, 0).found(), [(Violation::Unapproved, 1)]);
}

#[test]
fn a_call_that_no_approval_names_is_found() {
    let story = story().asked().then(Event::Executed { call: CALL, approval: String::new() });
    assert_eq!(story.found(), [(Violation::Unapproved, 1), (Violation::Unrecorded, 1)]);
}

#[test]
fn a_call_that_runs_but_not_by_its_record_is_found() {
    let story = || story().asked().decided(1, Verdict::Approve).executed();
    let recorded = |state| story().record(state, 1, 0).found();
    assert_eq!(recorded(State::Cancelled), [(Violation::Unrecorded, 1)]);
    assert_eq!(story().fault(Fault::FailOver).record(State::Cancelled, 1, 0).found(), []);
}

#[test]
fn an_approval_that_lets_two_through_is_found() {
    let story = story().decided(1, Verdict::Approve).executed().executed().record(State::Released, 1, 0);
    assert_eq!(story.found(), [(Violation::Repeated, 1)]);
}

#[test]
fn what_a_failover_forgot_runs_again_only_by_another_approval() {
    let ran = || story().decided(1, Verdict::Approve).executed().fault(Fault::FailOver);
    let again = ran().decided(2, Verdict::Approve).executed().record(State::Released, 1, 0);
    assert_eq!(again.found(), []);
    let unasked = ran().executed().record(State::Released, 1, 0);
    assert_eq!(unasked.found(), [(Violation::Repeated, 1)]);
}

#[test]
fn a_rejected_call_that_runs_is_found() {
    let story = story().decided(1, Verdict::Reject).executed().record(State::Rejected, 0, 1);
    assert_eq!(
        story.found(),
        [(Violation::Unapproved, 1), (Violation::RejectedRan, 1), (Violation::Unrecorded, 1)]
    );
}

#[test]
fn a_rejection_after_the_call_ran_is_found_unless_redis_has_forgotten_that() {
    let ran = || story().decided(1, Verdict::Approve).executed();
    let rejected = ran().decided(2, Verdict::Reject).record(State::Rejected, 1, 1);
    assert!(rejected.found().contains(&(Violation::RejectedRan, 1)));
    let forgotten = ran().fault(Fault::FailOver).decided(2, Verdict::Reject).record(State::Rejected, 0, 1);
    assert_eq!(forgotten.found(), [(Violation::LostDecision, 1)]);
}

#[test]
fn a_decision_that_is_told_not_to_be_replicated_may_be_lost() {
    let story = story().sent(1, Verdict::Approve).told(1, Told::Unreplicated).executed();
    assert_eq!(story.fault(Fault::FailOver).record(State::Expired, 0, 0).found(), []);
}

#[test]
fn an_acknowledged_decision_without_a_record_is_found() {
    assert_eq!(story().decided(1, Verdict::Approve).found(), [(Violation::LostDecision, 1)]);
}

#[test]
fn an_acknowledged_decision_that_is_not_in_the_record_is_found() {
    let approved = story().decided(1, Verdict::Approve).record(State::Expired, 0, 0);
    assert_eq!(approved.found(), [(Violation::LostDecision, 1)]);
    let rejected = story().decided(1, Verdict::Reject).record(State::Expired, 0, 0);
    assert_eq!(rejected.found(), [(Violation::LostDecision, 1)]);
}

#[test]
fn an_acknowledged_approval_that_does_not_stand_is_found() {
    let story = story().decided(1, Verdict::Approve).record(State::Expired, 1, 0);
    assert_eq!(story.found(), [(Violation::LostDecision, 1)]);
}

#[test]
fn an_acknowledged_rejection_that_does_not_stand_is_found() {
    let story = story().fault(Fault::FailOver).decided(1, Verdict::Reject).record(State::Released, 1, 1);
    assert_eq!(story.found(), [(Violation::LostDecision, 1)]);
}

#[test]
fn an_approval_that_reviewers_are_asked_for_again_is_not_lost() {
    let story = story().decided(1, Verdict::Approve).fault(Fault::FailOver).record(State::Expired, 1, 0);
    assert_eq!(story.found(), []);
}

#[test]
fn what_a_redis_without_persistence_forgets_is_excused_but_never_run_twice() {
    let story = story().decided(1, Verdict::Approve).executed().fault(Fault::WipeRedis);
    assert_eq!(story.found(), []);
    assert_eq!(story.executed().found(), [(Violation::Repeated, 1)]);
}

#[test]
fn a_decision_after_redis_forgot_everything_has_to_last() {
    let story = story().fault(Fault::WipeRedis).decided(1, Verdict::Approve);
    assert_eq!(story.found(), [(Violation::LostDecision, 1)]);
}

#[test]
fn contrary_decisions_that_are_both_acknowledged_are_found() {
    let story =
        story().decided(1, Verdict::Approve).decided(2, Verdict::Reject).record(State::Rejected, 1, 1);
    assert!(story.found().contains(&(Violation::Contradicted, 1)));
}

#[test]
fn a_decision_that_is_refused_for_an_earlier_one_contradicts_nothing() {
    let stands = Told::Stands("approved".into());
    let story = story().decided(1, Verdict::Approve).sent(2, Verdict::Reject).told(2, stands);
    assert_eq!(story.record(State::Cancelled, 1, 0).found(), []);
}

#[test]
fn when_reviewers_are_asked_again_they_may_decide_otherwise() {
    let story = story().decided(1, Verdict::Approve).fault(Fault::KillRedis).decided(2, Verdict::Reject);
    assert_eq!(story.record(State::Rejected, 1, 1).found(), []);
}

#[test]
fn a_caller_who_is_told_of_a_rejection_that_nobody_made_is_found() {
    let story = story().asked().answered(rejected()).record(State::Expired, 0, 0);
    assert_eq!(story.found(), [(Violation::Untrue, 1)]);
}

#[test]
fn an_approval_that_never_ends_is_found() {
    assert_eq!(story().record(State::Pending, 0, 0).found(), [(Violation::Unsettled, 1)]);
    assert_eq!(story().record(State::Approved, 1, 0).found(), [(Violation::Unsettled, 1)]);
}

#[test]
fn an_answer_after_the_deadline_is_found_and_so_is_none() {
    let (at, answer) = (Duration::from_secs(12), Answer::StoreUnavailable);
    let late = story().asked().later(at, Event::Answered { attempt: 1, answer });
    assert_eq!(late.found(), [(Violation::Late, 1)]);
    let never = story().asked().later(at, Event::Unanswered { attempt: 1 });
    assert_eq!(never.found(), [(Violation::Late, 1)]);
}

#[test]
fn a_replica_that_stood_still_when_it_was_asked_or_at_the_deadline_is_excused() {
    let late = |frozen: Duration, thawed: Duration| {
        let freeze = Event::Fault { fault: Fault::Freeze, replica: Some(0) };
        let story = story().asked().later(frozen, freeze);
        let story = story.later(thawed - frozen, Event::Thawed { replica: 0 });
        let answered = Event::Answered { attempt: 1, answer: Answer::StoreUnavailable };
        story.later(Duration::from_secs(12) - thawed, answered).found()
    };
    let seconds = Duration::from_secs;
    assert_eq!(late(seconds(1), seconds(5)), []);
    assert_eq!(late(seconds(5), seconds(10)), []);
    assert_eq!(late(seconds(3), seconds(8)), [(Violation::Late, 1)]);
}
