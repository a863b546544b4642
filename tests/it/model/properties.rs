//! What has to hold, whatever happens.

use stateright::Property;

use super::record::{CLICKS, Record, Stands, caller_of, reviewer};
use super::redis::Breach;
use super::world::{Bounds, Click, Grounds, Phase, World};

pub const S1: &str = "S1 only what people approved is allowed";
pub const S2: &str = "S2 an approval allows at most one Check";
pub const S2_DECISION: &str = "S2 a decision allows at most one Check";
pub const S3: &str = "S3 who has lost an approval neither is released nor lets go of it";
pub const S4: &str = "S4 the first final decision stands";
pub const S5: &str = "S5 a person counts once, and the caller never";
pub const S6: &str = "S6 nothing is released after its time";
pub const D1: &str = "D1 an acknowledged decision is never lost silently";
pub const L3: &str = "L3 the sweep ends what is overdue";
pub const L4: &str = "L4 who has left holds nothing";
pub const ALLOWED: &str = "a call is allowed";
pub const REDEEMED: &str = "a grant is redeemed by another attempt";
pub const ASKED_AGAIN: &str = "reviewers are asked again";

/// The properties that apply within these bounds.
pub fn all(bounds: &Bounds) -> Vec<Property<Bounds>> {
    let mut all = vec![
        Property::always(S1, only_what_people_approved),
        Property::always(S2, at_most_one_check),
        Property::always(S2_DECISION, at_most_one_check_a_decision),
        Property::always(S3, |_, world| {
            !seen(world, Breach::SupersededReleased)
                && !seen(world, Breach::StrangerDetached)
                && !seen(world, Breach::TakenFromTheLiving)
        }),
        Property::always(S4, |_, world| !seen(world, Breach::FinalChanged)),
        Property::always(S5, people_count_once),
        Property::always(S6, |_, world| !seen(world, Breach::ReleasedLate)),
        Property::always(D1, acknowledged_is_kept),
        Property::always(L3, |_, world| !seen(world, Breach::LeftOverdue)),
        Property::sometimes(ALLOWED, |_, world| grounds(world).next().is_some()),
    ];
    if bounds.terms.late {
        all.push(Property::sometimes(REDEEMED, |_, world| {
            grounds(world).any(|(attempt, grounds)| usize::from(grounds.record) != attempt)
        }));
    }
    if bounds.failover {
        all.push(Property::sometimes(ASKED_AGAIN, |_, world| records(world).any(|(_, r)| r.void > 0)));
    } else {
        all.push(Property::always(L4, who_left_holds_nothing));
    }
    all
}

fn seen(world: &World, breach: Breach) -> bool {
    world.lives().any(|redis| redis.breach == Some(breach))
}

fn records(world: &World) -> impl Iterator<Item = (usize, &Record)> {
    let numbered = world.lives().flat_map(|redis| redis.records.iter().enumerate());
    numbered.filter_map(|(slot, record)| Some((slot, record.as_ref()?)))
}

fn grounds(world: &World) -> impl Iterator<Item = (usize, Grounds)> {
    world.attempts.iter().enumerate().filter_map(|(attempt, it)| match it.phase {
        Phase::Allowed(grounds) => Some((attempt, grounds)),
        _ => None,
    })
}

/// Whether the reviewer may have a say in the call of this record.
fn is_own(reviewer_number: usize, slot: usize) -> bool {
    // The second caller is the second reviewer.
    reviewer(reviewer_number) == reviewer(1) && caller_of(slot) == 1
}

fn only_what_people_approved(bounds: &Bounds, world: &World) -> bool {
    grounds(world).all(|(attempt, Grounds { record, decisions, .. })| {
        let approved = |reviewer: usize, number: usize| {
            let bit = 1 << super::record::decision(reviewer, number);
            let click = world.clicks[reviewer][number];
            decisions & bit != 0 && click.is_some_and(|click| click.approve && click.record == record)
        };
        let people = (0..world.clicks.len())
            .filter(|reviewer| !is_own(*reviewer, usize::from(record)))
            .filter(|reviewer| (0..CLICKS).any(|number| approved(*reviewer, number)))
            .count();
        caller_of(usize::from(record)) == caller_of(attempt) && people >= usize::from(bounds.terms.approvals)
    })
}

/// An approval is what people gave on one record, under one life of Redis, since they were last asked again.
fn at_most_one_check(_: &Bounds, world: &World) -> bool {
    let same = |a: Grounds, b: Grounds| (a.record, a.under, a.void) == (b.record, b.under, b.void);
    grounds(world).all(|(attempt, it)| !grounds(world).any(|(other, also)| other > attempt && same(it, also)))
}

/// A decision is what one click of one person said.
fn at_most_one_check_a_decision(_: &Bounds, world: &World) -> bool {
    let shared = |a: Grounds, b: Grounds| a.decisions & b.decisions != 0;
    grounds(world)
        .all(|(attempt, it)| !grounds(world).any(|(other, also)| other > attempt && shared(it, also)))
}

fn people_count_once(bounds: &Bounds, world: &World) -> bool {
    records(world).all(|(slot, record)| {
        let who: Vec<usize> = record.standing().map(|(decision, _)| usize::from(decision) / CLICKS).collect();
        let twice = who.iter().enumerate().any(|(n, person)| who[..n].contains(person));
        let enough = record.stands != Stands::Approved || who.len() >= usize::from(bounds.terms.approvals);
        enough && !twice && !who.iter().any(|person| is_own(*person, slot))
    })
}

/// It stands, or reviewers were asked again: its vote is there, and the state says so or it is void.
fn acknowledged_is_kept(bounds: &Bounds, world: &World) -> bool {
    let kept = |reviewer: usize, number: usize, click: &Click| {
        let Some(record) = world.redis.records[usize::from(click.record)] else { return false };
        let decision = super::record::decision(reviewer, number);
        let Some(place) = record.votes.iter().position(|vote| *vote == Some((decision, click.approve)))
        else {
            return false;
        };
        let void = place < usize::from(record.void);
        let stands = if click.approve {
            let open = record.standing().count() < usize::from(bounds.terms.approvals);
            open || record.stands != Stands::Pending
        } else {
            record.stands == Stands::Rejected
        };
        void || stands
    };
    let clicks = world.clicks.iter().enumerate().flat_map(|(reviewer, clicks)| {
        clicks.iter().enumerate().map(move |(number, click)| (reviewer, number, click))
    });
    clicks
        .filter_map(|(reviewer, number, click)| Some((reviewer, number, click.as_ref()?)))
        .filter(|(_, _, click)| click.acknowledged)
        .all(|(reviewer, number, click)| kept(reviewer, number, click))
}

fn who_left_holds_nothing(_: &Bounds, world: &World) -> bool {
    let left = |holder: u8| world.attempts[usize::from(holder)].phase == Phase::Left;
    world.redis.records.iter().flatten().all(|record| !record.is_open() || !record.holder.is_some_and(left))
}
