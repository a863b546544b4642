//! The contract of a store, kept by every store.

mod acting;
mod attempts;
mod auditing;
pub mod identities;
mod limits;
mod listening;
mod lists;
mod parking;
mod precedents;
mod races;
pub mod stage;
mod sweeping;
mod votes;

use stage::Kind;

/// Makes a test of each behaviour for each store.
macro_rules! contract {
    ($($part:ident: $($behaviour:ident)*;)*) => {
        contract!(@store memory Memory $($part: $($behaviour)*;)*);
        contract!(@store redis Redis $($part: $($behaviour)*;)*);
    };
    (@store $store:ident $kind:ident $($part:ident: $($behaviour:ident)*;)*) => {
        mod $store {
            $(mod $part {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    $crate::store::$part::$behaviour($crate::store::Kind::$kind).await;
                })*
            })*
        }
    };
}

contract! {
    parking:
        a_call_is_parked_and_found_as_it_was_asked
        bodies_survive_byte_for_byte
        everything_that_was_asked_survives
        an_unknown_record_is_none
        two_identical_calls_that_both_wait_have_a_record_each
        the_identical_call_takes_up_the_record_that_nobody_holds
        an_approval_given_meanwhile_releases_the_next_identical_call_once
        an_approved_record_is_taken_up_before_a_pending_one
        without_late_approval_nothing_is_taken_up
        another_call_or_queue_takes_nothing_up
        what_has_ended_is_not_taken_up
        a_grant_is_not_redeemed_after_its_time
        a_park_sent_again_finds_its_record
        a_park_sent_again_finds_the_record_that_it_took_up_even_if_that_has_ended
        a_park_sent_again_prefers_its_own_record_to_a_free_one
        a_park_sent_again_after_the_record_was_lost_to_another_changes_nothing;
    votes:
        one_approval_is_enough_where_one_is_needed
        a_rejection_ends_it_and_the_first_decision_stands
        as_many_different_people_as_needed_have_to_approve
        one_out_of_each_group_has_to_approve
        one_person_in_two_groups_counts_once
        a_vote_that_says_for_nobody_counts_for_none_of_several_groups
        a_reviewer_votes_once
        a_decision_sent_again_counts_once
        a_decision_on_another_call_does_not_count
        a_decision_on_what_another_life_of_the_store_showed_does_not_count
        nothing_is_decided_after_the_deadline
        a_vote_on_nothing_is_told_so
        a_vote_keeps_what_the_reviewer_said;
    attempts:
        an_approved_call_is_released_to_its_attempt_once
        only_the_attempt_that_waits_may_claim
        only_the_approved_call_is_released
        a_pending_call_is_not_released
        a_claim_comes_too_late_after_the_grant
        a_claim_of_nothing_is_none
        an_attempt_that_leaves_keeps_the_approval_open
        an_attempt_that_lost_its_record_changes_nothing
        without_late_approval_departure_ends_it
        an_attempt_that_does_not_know_what_it_took_up_leaves_that
        a_departure_changes_nothing_that_has_ended;
    limits:
        a_rejection_stands_for_identical_calls_during_its_cool_down
        after_the_cool_down_the_identical_call_is_asked_for_again
        no_more_than_so_many_are_open_of_one_caller_and_in_one_queue
        what_a_caller_withdraws_is_detached_and_nothing_else
        who_was_withdrawn_and_asks_again_can_be_withdrawn_again
        a_withdrawn_attempt_cannot_be_released;
    sweeping:
        what_is_overdue_is_ended_once
        a_grant_that_nobody_uses_is_cancelled
        what_is_not_overdue_stays
        what_ended_long_ago_is_forgotten
        more_than_one_part_is_swept;
    acting:
        what_is_pending_is_cancelled_and_stays_so
        what_is_approved_is_revoked_and_released_to_nobody
        what_was_released_is_not_revoked
        an_extension_moves_the_deadline_once_and_not_too_far
        an_act_on_what_another_life_showed_is_not_done
        what_is_extended_is_not_swept_before_its_new_deadline
        nothing_is_done_to_what_is_overdue
        an_act_on_nothing_is_told_so
        the_glass_is_broken_by_one_whatever_the_rule_wants;
    lists:
        a_list_is_in_order_of_parking
        pages_lose_and_repeat_nothing_over_several_queues
        pages_lose_and_repeat_nothing_while_records_end
        only_the_states_asked_for_are_listed
        only_what_matches_is_listed
        only_what_was_parked_since_is_listed;
    auditing:
        every_transition_is_an_entry_in_its_order
        what_a_reviewer_said_is_in_the_entry
        what_people_do_past_the_vote_is_an_entry
        what_changes_no_record_can_be_noted
        two_who_seal_make_one_chain
        a_chain_that_another_appended_to_is_left_alone
        checkpoints_are_signed_when_they_are_due
        a_sink_gets_every_line_in_order_and_goes_on_where_it_was_left
        a_sink_that_has_what_the_store_lost_gets_the_chain_again
        what_a_sink_does_not_have_is_not_forgotten
        the_chain_of_probes_is_shipped_nowhere_and_soon_forgotten
        entries_are_found_by_what_they_say;
    precedents:
        the_first_call_of_a_tool_by_a_caller_is_known_as_such
        what_was_decided_on_the_identical_call_is_known
        the_last_approved_call_of_the_same_caller_and_tool_is_known_to_compare_with
        precedents_are_forgotten_with_their_records;
    listening:
        every_change_rings_who_listens
        a_listener_among_several_may_leave
        who_listens_again_at_once_is_still_rung
        every_change_is_told_to_those_who_watch_a_queue
        what_changes_nothing_does_not_ring;
    races:
        approve_against_reject
        vote_against_sweep
        approve_against_cancel
        approve_against_re_attach
        two_claims
        two_complete_a_quorum
        two_redeem_one_grant
        forty_reviewers_on_a_quorum_of_three
        claim_against_departure
        park_again_against_a_holder_that_lost_its_lease
        a_vote_against_two_who_believe_that_they_hold
        decide_between_park_and_look;
}
