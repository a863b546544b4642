//! What may happen next, and what it makes of the world.

use holdpoint::domain::approval::Departure;
use holdpoint::domain::decision::Verdict;
use holdpoint::domain::outcome::Outcome;
use stateright::{Model, Property};

use super::properties;
use super::record::{ATTEMPTS, CLICKS, REVIEWERS, Record, Stands, caller_of, decision};
use super::redis::{Fault, Redis, Scripts};
use super::world::{Attempt, Bounds, Click, Grounds, Phase, Second, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Park {
        attempt: usize,
        replica: u8,
        lease_over: bool,
        answered: bool,
    },
    /// Looks, and claims: a claim shows what stands, and changes only what is approved.
    Claim {
        attempt: usize,
        answered: bool,
    },
    WriteClaim {
        attempt: usize,
    },
    EndHold {
        attempt: usize,
        answered: bool,
    },
    HangUp {
        attempt: usize,
    },
    Detach {
        attempt: usize,
        answered: bool,
    },
    Click {
        reviewer: usize,
        via: u8,
        record: usize,
        approve: bool,
        answered: bool,
    },
    ClickAgain {
        reviewer: usize,
        click: usize,
        via: u8,
        answered: bool,
    },
    Overdue {
        record: usize,
    },
    Sweep {
        record: usize,
    },
    Crash {
        replica: u8,
    },
    StopReplication,
    Promote,
    EndZombie,
}

impl Step {
    /// Whether its reply gets lost.
    fn is_lost(self) -> bool {
        match self {
            Self::Park { answered, .. }
            | Self::Claim { answered, .. }
            | Self::EndHold { answered, .. }
            | Self::Detach { answered, .. }
            | Self::Click { answered, .. }
            | Self::ClickAgain { answered, .. } => !answered,
            _ => false,
        }
    }
}

const REPLICAS: [u8; 2] = [0, 1];

impl Bounds {
    fn scripts(&self) -> Scripts {
        Scripts { terms: self.terms, fault: self.fault }
    }

    /// What a reply makes of an attempt.
    fn answer(&self, world: &mut World, attempt: usize, slot: usize) {
        let redis = *world.redis(world.attempts[attempt].replica);
        let phase = match self.scripts().outcome(&redis, slot, attempt) {
            None => Phase::Waiting(slot as u8),
            Some(Outcome::Released(_)) => Phase::Allowed(grounds(slot, redis.records[slot])),
            Some(_) => Phase::Denied,
        };
        world.attempts[attempt].phase = phase;
    }

    fn detach(&self, world: &mut World, attempt: usize, slot: u8, departure: Departure) {
        let replica = world.attempts[attempt].replica;
        self.scripts().detach(world.redis(replica), usize::from(slot), attempt, departure);
    }

    fn send(&self, world: &mut World, reviewer: usize, number: usize, via: u8, answered: bool) {
        let Some(click) = world.clicks[reviewer][number] else { return };
        let verdict = if click.approve { Verdict::Approve } else { Verdict::Reject };
        let slot = usize::from(click.record);
        let decision = decision(reviewer, number);
        let counted = self.scripts().vote(world.redis(via), slot, decision, verdict, click.seen_in);
        let replicated = matches!(world.second, Second::Follows | Second::Gone)
            || matches!(world.second, Second::Zombie(_)) && via == 1
            || self.fault == Some(Fault::AcknowledgedBeforeReplicated);
        // What was answered is not sent again: states that differ in what it says of itself are one.
        let seen_in = if answered { 0 } else { click.seen_in };
        let acknowledged = answered && counted && replicated;
        world.clicks[reviewer][number] = Some(Click { seen_in, answered, acknowledged, ..click });
    }
}

fn grounds(slot: usize, record: Option<Record>) -> Grounds {
    let record = record.expect("what was released is recorded");
    let decisions = record.standing().fold(0, |bits, (decision, _)| bits | 1 << decision);
    Grounds { record: slot as u8, under: record.under, void: record.void, decisions }
}

impl Model for Bounds {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            attempts: [Attempt { replica: 0, phase: Phase::Idle }; ATTEMPTS],
            clicks: [[None; CLICKS]; REVIEWERS],
            crashed: None,
            lost: 0,
            redis: Redis::empty(),
            second: Second::Follows,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        let answers: &[bool] = if world.lost < self.lost { &[true, false] } else { &[true] };
        let up = |replica: &u8| world.crashed != Some(*replica);
        for attempt in 0..self.attempts {
            // The caller makes the identical call again; who is the first of several alike does not matter.
            let earlier = (0..attempt).filter(|other| caller_of(*other) == caller_of(attempt));
            let next = earlier.into_iter().all(|other| world.attempts[other].phase != Phase::Idle);
            let Attempt { replica, phase } = world.attempts[attempt];
            let from: &[u8] = match phase {
                Phase::Idle if next => &REPLICAS,
                Phase::Parking => std::slice::from_ref(&REPLICAS[usize::from(replica)]),
                _ => &[],
            };
            for answered in answers.iter().copied() {
                for replica in from.iter().copied().filter(up) {
                    for lease_over in [false, true] {
                        steps.push(Step::Park { attempt, replica, lease_over, answered });
                    }
                }
                match phase {
                    Phase::Waiting(_) => {
                        steps.push(Step::Claim { attempt, answered });
                        steps.push(Step::EndHold { attempt, answered });
                    }
                    Phase::Leaving(_) => steps.push(Step::Detach { attempt, answered }),
                    _ => {}
                }
            }
            match phase {
                Phase::Parking | Phase::Waiting(_) => steps.push(Step::HangUp { attempt }),
                Phase::Claiming(_) => steps.push(Step::WriteClaim { attempt }),
                _ => {}
            }
        }
        for reviewer in 0..REVIEWERS {
            let vias: &[u8] = if matches!(world.second, Second::Zombie(_)) { &REPLICAS } else { &[1] };
            for (via, answered) in
                vias.iter().flat_map(|via| answers.iter().map(|answered| (*via, *answered)))
            {
                for click in 0..self.clicks {
                    match world.clicks[reviewer][click] {
                        Some(Click { answered: true, .. }) => {}
                        Some(_) => steps.push(Step::ClickAgain { reviewer, click, via, answered }),
                        None => {
                            for record in 0..self.attempts {
                                for approve in [true, false] {
                                    steps.push(Step::Click { reviewer, via, record, approve, answered });
                                }
                            }
                            break;
                        }
                    }
                }
            }
        }
        for record in world.redis.open() {
            steps.extend(self.overdue.then_some(Step::Overdue { record }));
            steps.push(Step::Sweep { record });
        }
        if self.crash && world.crashed.is_none() {
            steps.extend(REPLICAS.map(|replica| Step::Crash { replica }));
        }
        steps.extend(match world.second {
            Second::Follows if self.failover => Some(Step::StopReplication),
            Second::Lags(_) => Some(Step::Promote),
            Second::Zombie(_) => Some(Step::EndZombie),
            _ => None,
        });
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let (mut after, scripts) = (*before, self.scripts());
        let world = &mut after;
        world.lost += u8::from(step.is_lost());
        match step {
            Step::Park { attempt, replica, lease_over, answered } => {
                world.attempts[attempt] = Attempt { replica, phase: Phase::Parking };
                let gone = world.gone(replica, lease_over);
                let slot = scripts.park(world.redis(replica), attempt, gone);
                if answered {
                    self.answer(world, attempt, slot);
                }
            }
            Step::Claim { attempt, answered } => {
                let Attempt { replica, phase: Phase::Waiting(slot) } = world.attempts[attempt] else {
                    return None;
                };
                let redis = world.redis(replica);
                if self.fault == Some(Fault::ClaimInTwoSteps) {
                    let record = redis.records[usize::from(slot)]?;
                    let may = record.stands == Stands::Approved && record.holder == Some(attempt as u8);
                    if may && !record.overdue && record.under == Some(redis.life) {
                        world.attempts[attempt].phase = Phase::Claiming(slot);
                        return Some(after);
                    }
                } else {
                    scripts.claim(redis, usize::from(slot), attempt);
                }
                if answered {
                    self.answer(world, attempt, usize::from(slot));
                }
            }
            Step::WriteClaim { attempt } => {
                let Attempt { replica, phase: Phase::Claiming(slot) } = world.attempts[attempt] else {
                    return None;
                };
                scripts.write_claim(world.redis(replica), usize::from(slot), attempt);
                self.answer(world, attempt, usize::from(slot));
            }
            Step::EndHold { attempt, answered } => {
                let Phase::Waiting(slot) = world.attempts[attempt].phase else { return None };
                self.detach(world, attempt, slot, Departure::HoldOver);
                world.attempts[attempt].phase = Phase::Leaving(slot);
                if answered {
                    self.answer(world, attempt, usize::from(slot));
                }
            }
            Step::HangUp { attempt } => {
                world.attempts[attempt].phase = match world.attempts[attempt].phase {
                    Phase::Waiting(slot) => Phase::Leaving(slot),
                    // Nothing better is known than the id that it was sent with.
                    _ => Phase::Leaving(attempt as u8),
                };
            }
            Step::Detach { attempt, answered } => {
                let Phase::Leaving(slot) = world.attempts[attempt].phase else { return None };
                self.detach(world, attempt, slot, Departure::CallerGone);
                if answered {
                    world.attempts[attempt].phase = Phase::Left;
                }
            }
            Step::Click { reviewer, via, record, approve, answered } => {
                // A reviewer decides what the page shows.
                let shown = world.redis(via);
                shown.records[record].filter(Record::is_open)?;
                let seen_in = shown.life;
                let number = world.clicks[reviewer].iter().position(Option::is_none)?;
                let click =
                    Click { record: record as u8, approve, seen_in, answered: false, acknowledged: false };
                world.clicks[reviewer][number] = Some(click);
                self.send(world, reviewer, number, via, answered);
            }
            Step::ClickAgain { reviewer, click, via, answered } => {
                self.send(world, reviewer, click, via, answered);
            }
            Step::Overdue { record } => {
                if let Second::Zombie(redis) | Second::Lags(redis) = &mut world.second
                    && let Some(record) = redis.records[record].as_mut().filter(|record| record.is_open())
                {
                    record.overdue = true;
                }
                world.redis.records[record].as_mut()?.overdue = true;
            }
            Step::Sweep { record } => scripts.sweep(&mut world.redis, record),
            Step::Crash { replica } => {
                world.crashed = Some(replica);
                for attempt in world.attempts.iter_mut().filter(|attempt| attempt.replica == replica) {
                    if !matches!(attempt.phase, Phase::Idle | Phase::Allowed(_) | Phase::Denied | Phase::Left)
                    {
                        attempt.phase = Phase::Crashed;
                    }
                }
            }
            Step::StopReplication => world.second = Second::Lags(world.redis),
            Step::Promote => {
                let Second::Lags(promoted) = world.second else { return None };
                world.second = Second::Zombie(world.redis);
                world.redis = Redis { life: promoted.life + 1, ..promoted };
            }
            Step::EndZombie => world.second = Second::Gone,
        }
        (after != *before).then_some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self)
    }
}
