//! The life of an approval, explored: every order in which callers, replicas, reviewers, the sweep and Redis can act.
//!
//! `HOLDPOINT_MODEL=large` explores more (`make model`).

mod doorbell;
mod properties;
mod record;
mod redis;
mod steps;
mod world;

use std::collections::BTreeSet;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use properties::{D1, S1, S2, S2_DECISION, S3, S4, S5, S6};
use record::Terms;
use redis::Fault;
use world::Bounds;

/// Two identical calls and two reviewers; nothing fails.
const CALM: Bounds = Bounds {
    attempts: 2,
    clicks: 1,
    lost: 0,
    overdue: false,
    crash: false,
    failover: false,
    terms: Terms { approvals: 1, late: true },
    fault: None,
};

/// Whether more is to be explored than fits a minute.
fn large() -> bool {
    std::env::var("HOLDPOINT_MODEL").is_ok_and(|size| size == "large")
}

/// Explores all that is reachable, and every property holds.
fn explore(bounds: Bounds) {
    let started = Instant::now();
    let checker = bounds.checker().threads(2).spawn_bfs().join();
    println!("{bounds:?}: {} states in {:.1?}", checker.unique_state_count(), started.elapsed());
    for property in bounds.properties() {
        match property.expectation.discovery_is_failure() {
            true => checker.assert_no_discovery(property.name),
            false => _ = checker.assert_any_discovery(property.name),
        }
    }
}

#[test]
fn nothing_breaks_where_replicas_crash_and_time_runs_out() {
    explore(Bounds { overdue: true, crash: true, ..CALM });
}

#[test]
fn nothing_breaks_where_replies_are_lost() {
    explore(Bounds { lost: if large() { 3 } else { 1 }, overdue: true, crash: large(), ..CALM });
}

#[test]
fn nothing_breaks_where_redis_fails_over_and_the_old_primary_lives_on() {
    match large() {
        false => explore(Bounds { failover: true, ..CALM }),
        true => {
            explore(Bounds { failover: true, crash: true, overdue: true, ..CALM });
            explore(Bounds { failover: true, lost: 1, crash: true, ..CALM });
        }
    }
}

#[test]
fn nothing_breaks_between_two_callers_of_whom_one_reviews() {
    explore(Bounds { attempts: if large() { 4 } else { 3 }, crash: large(), ..CALM });
}

#[test]
fn nothing_breaks_where_two_have_to_approve() {
    explore(Bounds { clicks: 2, crash: true, terms: Terms { approvals: 2, late: true }, ..CALM });
}

#[test]
fn nothing_breaks_where_departure_cancels() {
    let terms = Terms { approvals: 1, late: false };
    explore(Bounds { lost: 1, overdue: true, crash: true, terms, ..CALM });
}

#[test]
fn nothing_breaks_where_two_have_to_approve_and_redis_fails_over() {
    explore(Bounds { failover: true, clicks: 2, terms: Terms { approvals: 2, late: true }, ..CALM });
}

/// The one of these properties for which a counterexample is found.
fn first_broken(bounds: Bounds, any_of: &[&'static str]) -> &'static str {
    let any = HasDiscoveries::AnyOf(any_of.iter().copied().collect::<BTreeSet<_>>());
    let checker = bounds.checker().threads(2).finish_when(any).spawn_bfs().join();
    let found = checker.discoveries();
    let broken = any_of.iter().find(|name| found.contains_key(*name));
    broken.unwrap_or_else(|| panic!("nothing found in {} states", checker.unique_state_count()))
}

/// Makes a test of each guard: without it, this property breaks.
macro_rules! guards {
    ($($test:ident: $fault:ident breaks $property:ident in { $($field:ident: $value:expr),* };)*) => {
        $(#[test]
        fn $test() {
            let bounds = Bounds { fault: Some(Fault::$fault), $($field: $value,)* ..CALM };
            assert_eq!(first_broken(bounds, &[$property]), $property);
        })*
    };
}

guards! {
    without_the_fingerprint_another_call_is_released: NoFingerprintCheck breaks S1 in { attempts: 3 };
    where_the_last_decision_wins_the_first_does_not_stand: LastDecisionWins breaks S4 in {};
    without_the_attempt_a_superseded_one_is_released: NoAttemptCheckInClaim breaks S3 in { crash: true };
    without_the_attempt_a_stranger_detaches: NoAttemptCheckInDetach breaks S3 in {};
    without_the_incarnation_an_approval_is_spent_twice: NoIncarnationCheck breaks S2 in { failover: true };
    without_the_life_that_was_seen_a_decision_counts_in_two: NoSeenLifeCheck breaks S2_DECISION
        in { failover: true, lost: 1 };
    a_claim_in_two_steps_spends_an_approval_twice: ClaimInTwoSteps breaks S2 in {};
    without_the_voted_check_one_person_is_two: NoVotedCheck breaks S5
        in { clicks: 2, terms: Terms { approvals: 2, late: true } };
    without_authority_callers_approve_their_own_calls: NoOwnCallCheck breaks S5 in { attempts: 3 };
    without_leases_a_record_is_taken_from_the_living: NoHolderCheckInPark breaks S3 in {};
    without_deadlines_what_is_over_is_released: NoDeadline breaks S6 in { overdue: true };
    without_waiting_for_replicas_an_acknowledged_decision_is_lost: AcknowledgedBeforeReplicated breaks D1
        in { failover: true };
}
