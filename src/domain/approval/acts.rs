//! What people do to a record beside voting.

use jiff::Timestamp;

use super::{Approval, Cancellation, State};
use crate::domain::act::{Act, ActRefused, Verb};

impl Approval {
    /// Does what a person does. The same act sent again changes nothing and is not an error.
    pub fn act(&mut self, act: Act, now: Timestamp) -> Result<(), ActRefused> {
        if self.last_act.as_ref().is_some_and(|last| last.id == act.id) {
            return Ok(());
        }
        if self.due().is_none_or(|due| now >= due) {
            return Err(ActRefused::WrongState);
        }
        match (act.verb, &self.state) {
            (Verb::Cancel, State::Pending) => {
                self.state = State::Cancelled { at: now, why: Cancellation::ByHand };
            }
            (Verb::Revoke, State::Approved { .. }) => {
                self.state = State::Cancelled { at: now, why: Cancellation::Revoked };
            }
            (Verb::Extend { by, longest }, State::Pending) => {
                if self.deadline + by > self.created_at + longest {
                    return Err(ActRefused::TooLong);
                }
                self.deadline += by;
            }
            _ => return Err(ActRefused::WrongState),
        }
        self.last_act = Some(act);
        self.seq += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::decision::{Verdict, Vote};
    use crate::domain::ids::{DecisionId, Incarnation, Subject};
    use crate::domain::quorum::Marks;
    use crate::domain::sample;

    const MINUTE: Duration = Duration::from_secs(60);

    fn act(verb: Verb) -> Act {
        Act {
            id: DecisionId::random(),
            by: Subject("olga".into()),
            verb,
            reason: Some("an incident".into()),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn approved() -> Approval {
        let mut approval = sample::parked(sample::held());
        let now = approval.created_at;
        let vote = Vote {
            decision: DecisionId::random(),
            reviewer: Subject("bob".into()),
            proof: None,
            verdict: Verdict::Approve,
            marks: Marks::default(),
            reason: None,
            reason_code: None,
            ticket: None,
            fingerprint: None,
            seen_in: None,
            trace: None,
            at: now,
        };
        approval.vote(vote, now, Incarnation::ONLY).expect("a first vote");
        approval
    }

    #[test]
    fn each_act_takes_its_state() {
        let extend = Verb::Extend { by: MINUTE, longest: 60 * MINUTE };
        for (verb, when_pending, when_approved) in
            [(Verb::Cancel, true, false), (extend, true, false), (Verb::Revoke, false, true)]
        {
            for (mut approval, done) in
                [(sample::parked(sample::held()), when_pending), (approved(), when_approved)]
            {
                let (before, now) = (approval.clone(), approval.created_at);
                let expected = if done { Ok(()) } else { Err(ActRefused::WrongState) };
                assert_eq!(approval.act(act(verb), now), expected, "{verb:?} {:?}", before.state);
                assert_eq!(approval != before, done);
            }
        }
    }

    #[test]
    fn nothing_is_done_to_what_is_overdue_or_has_ended() {
        let mut approval = sample::parked(sample::held());
        let deadline = approval.deadline;
        assert_eq!(approval.act(act(Verb::Cancel), deadline), Err(ActRefused::WrongState));
        approval.lapse(deadline);
        assert_eq!(approval.act(act(Verb::Cancel), deadline), Err(ActRefused::WrongState));
    }

    #[test]
    fn an_approval_is_extended_once_and_not_beyond_the_longest() {
        let mut approval = sample::parked(sample::held());
        let (now, deadline) = (approval.created_at, approval.deadline);
        let extend = act(Verb::Extend { by: MINUTE, longest: 16 * MINUTE });
        approval.act(extend.clone(), now).unwrap();
        approval.act(extend, now).unwrap();
        assert_eq!((approval.deadline, approval.seq), (deadline + MINUTE, 2));
        let again = act(Verb::Extend { by: Duration::from_millis(1), longest: 16 * MINUTE });
        assert_eq!(approval.act(again, now), Err(ActRefused::TooLong));
    }
}
