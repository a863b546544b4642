//! How a waiting attempt learns of a decision: one attempt, one decision, and messages that get lost or come twice.
//!
//! The steps are those of `Approvals::hold` and of the Redis store, abstracted: registering and subscribing are one
//! step, parking and the first look are another (the look is the reply of the park).

use stateright::{Checker, Model, Property};

const ANSWERED: &str = "L2 a decision reaches whoever waits for it";
const BY_THE_BELL: &str = "the safety net is needed only where a message was lost";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    LookBeforeListen,
    NoSafetyNet,
}

struct Bell {
    fault: Option<Fault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct State {
    listens: bool,
    parked: bool,
    decided: bool,
    /// The attempt has seen the decision.
    answered: bool,
    /// Messages under way to whoever listened when they were sent.
    messages: u8,
    lost: u8,
    repeated: bool,
    rung: bool,
    /// The safety net has read the decision in the audit, and does not read it again.
    net_has_read: bool,
    connection_lost: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Listen,
    Park,
    Decide,
    Deliver,
    Repeat,
    Lose,
    Disconnect,
    ReadAudit,
    Look,
}

impl State {
    fn waits(&self) -> bool {
        self.listens && self.parked && !self.answered
    }
}

impl Model for Bell {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, _: &State, steps: &mut Vec<Step>) {
        use Step::*;
        steps.extend([Listen, Park, Decide, Deliver, Repeat, Lose, Disconnect, ReadAudit, Look]);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = *state;
        let turned = self.fault == Some(Fault::LookBeforeListen);
        let may = match step {
            Step::Listen => !state.listens && state.parked == turned,
            Step::Park => !state.parked && state.listens != turned,
            // Its id is known from the moment in which it is parked.
            Step::Decide => state.parked && !state.decided,
            Step::Deliver => state.messages > 0,
            Step::Lose => state.messages > 0 && state.lost < 2,
            Step::Repeat => state.messages > 0 && !state.repeated,
            Step::Disconnect => !state.connection_lost,
            Step::ReadAudit => state.decided && !state.net_has_read && self.fault != Some(Fault::NoSafetyNet),
            Step::Look => state.waits() && state.rung,
        };
        if !may {
            return None;
        }
        match step {
            Step::Listen => next.listens = true,
            Step::Park => next.parked = true,
            Step::Decide => {
                next.decided = true;
                next.messages = u8::from(state.listens);
            }
            Step::Deliver => {
                next.messages -= 1;
                next.rung = true;
            }
            Step::Lose => {
                next.messages -= 1;
                next.lost += 1;
            }
            Step::Repeat => {
                next.messages += 1;
                next.repeated = true;
            }
            // What was under way is gone; with the connection all who wait are rung.
            Step::Disconnect => {
                next.messages = 0;
                next.connection_lost = true;
                next.rung |= state.listens;
            }
            Step::ReadAudit => {
                next.net_has_read = true;
                next.rung |= state.listens;
            }
            Step::Look => {
                next.rung = false;
                next.answered = state.decided;
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::eventually(ANSWERED, |_, state: &State| state.answered),
            Property::always(BY_THE_BELL, |_, state: &State| {
                let unheard = state.waits() && state.decided && !state.rung && state.messages == 0;
                !unheard || state.lost > 0
            }),
        ]
    }
}

fn broken(fault: Option<Fault>) -> Vec<&'static str> {
    let checker = Bell { fault }.checker().spawn_bfs().join();
    let mut broken: Vec<&str> = checker.discoveries().into_keys().collect();
    broken.sort_unstable();
    broken
}

#[test]
fn every_decision_is_heard_of() {
    assert_eq!(broken(None), Vec::<&str>::new());
}

#[test]
fn who_looks_before_listening_misses_what_is_decided_between() {
    assert!(broken(Some(Fault::LookBeforeListen)).contains(&BY_THE_BELL));
}

#[test]
fn without_the_safety_net_a_lost_message_is_waited_for_in_vain() {
    assert!(broken(Some(Fault::NoSafetyNet)).contains(&ANSWERED));
}
