//! What people do to a record beside voting.

use jiff::Timestamp;

use super::{Approval, Cancellation, State, StateKind};
use crate::domain::act::{Act, ActRefused, Verb};
use crate::domain::ids::Incarnation;

/// How often an approval can be extended: each is kept with the record.
pub const MOST_EXTENSIONS: usize = 100;

impl Approval {
    /// Does what a person does. The same act sent again changes nothing and is not an error.
    pub fn act(&mut self, act: Act, now: Timestamp, here: Incarnation) -> Result<(), ActRefused> {
        if self.acts.iter().any(|done| done.id == act.id) {
            return Ok(());
        }
        let takes = match act.verb {
            Verb::Cancel | Verb::Extend { .. } => StateKind::Pending,
            Verb::Revoke => StateKind::Approved,
        };
        if self.state.kind() != takes || self.due().is_none_or(|due| now >= due) {
            return Err(ActRefused::WrongState);
        }
        if act.seen_in.is_some_and(|seen_in| seen_in != here) {
            return Err(ActRefused::Void);
        }
        match act.verb {
            Verb::Cancel => self.state = State::Cancelled { at: now, why: Cancellation::ByHand },
            Verb::Revoke => self.state = State::Cancelled { at: now, why: Cancellation::Revoked },
            Verb::Extend { by, longest } => {
                let deadline = self.deadline + by;
                if deadline > self.created_at + longest || self.acts.len() >= MOST_EXTENSIONS {
                    return Err(ActRefused::TooLong);
                }
                self.deadline = deadline;
            }
        }
        self.acts.push(act);
        self.seq += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::decision::{Verdict, Vote};
    use crate::domain::ids::{DecisionId, Subject};
    use crate::domain::quorum::Marks;
    use crate::domain::sample;

    const MINUTE: Duration = Duration::from_secs(60);
    const HERE: Incarnation = Incarnation::ONLY;

    fn act(verb: Verb) -> Act {
        Act {
            id: DecisionId::random(),
            by: Subject("olga".into()),
            proof: Some("token olga".into()),
            verb,
            reason: Some("an incident".into()),
            seen_in: None,
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
                assert_eq!(approval.act(act(verb), now, HERE), expected, "{verb:?} {:?}", before.state);
                assert_eq!(approval != before, done);
            }
        }
    }

    #[test]
    fn nothing_is_done_to_what_is_overdue_or_has_ended() {
        let mut approval = sample::parked(sample::held());
        let deadline = approval.deadline;
        assert_eq!(approval.act(act(Verb::Cancel), deadline, HERE), Err(ActRefused::WrongState));
        approval.lapse(deadline);
        assert_eq!(approval.act(act(Verb::Cancel), deadline, HERE), Err(ActRefused::WrongState));
    }

    #[test]
    fn an_approval_is_extended_once_and_not_beyond_the_longest() {
        let mut approval = sample::parked(sample::held());
        let (now, deadline) = (approval.created_at, approval.deadline);
        let extend = act(Verb::Extend { by: MINUTE, longest: 16 * MINUTE });
        approval.act(extend.clone(), now, HERE).unwrap();
        approval.act(extend, now, HERE).unwrap();
        assert_eq!((approval.deadline, approval.seq), (deadline + MINUTE, 2));
        let again = act(Verb::Extend { by: Duration::from_millis(1), longest: 16 * MINUTE });
        assert_eq!(approval.act(again, now, HERE), Err(ActRefused::TooLong));
    }

    #[test]
    fn an_act_on_what_another_life_of_the_store_showed_is_not_done() {
        let mut approval = sample::parked(sample::held());
        let (before, elsewhere) = (approval.clone(), "ab".repeat(20).parse().unwrap());
        let cancel = Act { seen_in: Some(HERE), ..act(Verb::Cancel) };
        assert_eq!(approval.act(cancel.clone(), before.created_at, elsewhere), Err(ActRefused::Void));
        assert_eq!(approval, before);
        assert_eq!(approval.act(cancel, before.created_at, HERE), Ok(()));
    }

    #[test]
    fn an_approval_is_extended_so_often_and_no_oftener_but_can_be_cancelled() {
        let mut approval = sample::parked(sample::held());
        let now = approval.created_at;
        let extend = || act(Verb::Extend { by: Duration::from_millis(1), longest: 60 * MINUTE });
        for _ in 0..MOST_EXTENSIONS {
            approval.act(extend(), now, HERE).unwrap();
        }
        assert_eq!(approval.act(extend(), now, HERE), Err(ActRefused::TooLong));
        assert_eq!(approval.act(act(Verb::Cancel), now, HERE), Ok(()));
        assert_eq!(approval.acts.len(), MOST_EXTENSIONS + 1);
    }
}
