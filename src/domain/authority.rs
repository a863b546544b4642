//! Who may decide. The one gate for page, API and command line.

use super::approval::{Approval, State};
use super::decision::{Membership, Reviewer, Role};
use super::ids::Group;

/// Why a reviewer may not decide.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// The reviewer belongs to none of the groups that the rule names.
    #[error("only members of {} may decide this", list(.0))]
    NotInGroup(Vec<Group>),
    /// The reviewer is the caller, or acts for it.
    #[error("you may not decide a call that is made for you or by you")]
    OwnCall,
    /// The reviewer has voted.
    #[error("you have voted on this already")]
    AlreadyVoted,
    /// It is no longer open.
    #[error("this is no longer open")]
    NotOpen,
}

/// Whether this reviewer may vote on this approval as it stands.
///
/// The store checks again what can change meanwhile (open, voted); groups and caller cannot.
pub fn may_decide(reviewer: &Reviewer, approval: &Approval) -> Result<(), NotAllowed> {
    let wanted = &approval.held.terms.reviewers;
    let member = match &reviewer.groups {
        Membership::All => true,
        Membership::Groups(groups) => wanted.is_empty() || groups.iter().any(|group| wanted.contains(group)),
    };
    if !member {
        return Err(NotAllowed::NotInGroup(wanted.clone()));
    }
    if approval.held.caller.includes(&reviewer.subject) {
        return Err(NotAllowed::OwnCall);
    }
    if approval.state != State::Pending {
        return Err(NotAllowed::NotOpen);
    }
    if approval.standing_votes().iter().any(|vote| vote.reviewer == reviewer.subject) {
        return Err(NotAllowed::AlreadyVoted);
    }
    Ok(())
}

/// Whether this person may be told what is masked in a call: auditors, and those who may be asked to decide it.
pub fn may_reveal(reviewer: &Reviewer, approval: &Approval) -> bool {
    let wanted = &approval.held.terms.reviewers;
    let asked = match &reviewer.groups {
        Membership::All => true,
        Membership::Groups(groups) => wanted.is_empty() || groups.iter().any(|group| wanted.contains(group)),
    };
    reviewer.roles.contain(Role::Auditor) || (asked && reviewer.roles.contain(Role::Reviewer))
}

fn list(groups: &[Group]) -> String {
    groups.iter().map(Group::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::approval::Approval;
    use crate::domain::decision::{Verdict, Vote};
    use crate::domain::ids::{DecisionId, Incarnation, Subject};
    use crate::domain::sample;

    fn person(name: &str, groups: Membership) -> Reviewer {
        let roles = [Role::Reviewer].into_iter().collect();
        Reviewer { subject: Subject(name.to_owned()), groups, roles, proof: "test".to_owned() }
    }

    fn reviewer(name: &str, groups: &[&str]) -> Reviewer {
        let groups = groups.iter().map(|g| Group((*g).to_owned())).collect();
        person(name, Membership::Groups(groups))
    }

    fn approval(groups: &[&str]) -> Approval {
        let mut held = sample::held();
        held.terms.reviewers = groups.iter().map(|g| Group((*g).to_owned())).collect();
        held.terms.approvals = 2;
        held.caller.subject = Some(Subject("alice".into()));
        held.caller.actors = vec![Subject("coach".into())];
        sample::parked(held)
    }

    #[test]
    fn members_of_a_named_group_decide_and_others_read_which_groups_may() {
        let approval = approval(&["dba", "sre"]);
        assert_eq!(may_decide(&reviewer("bob", &["sre"]), &approval), Ok(()));
        let refused = may_decide(&reviewer("bob", &["dev"]), &approval).unwrap_err();
        assert_eq!(refused.to_string(), "only members of dba, sre may decide this");
        assert_eq!(may_decide(&reviewer("bob", &[]), &super::tests::approval(&[])), Ok(()));
    }

    #[test]
    fn nobody_decides_a_call_of_their_own_not_even_a_member_of_everything() {
        for name in ["alice", "coach"] {
            let own = person(name, Membership::All);
            assert_eq!(may_decide(&own, &approval(&["dba"])), Err(NotAllowed::OwnCall));
        }
    }

    #[test]
    fn what_is_masked_is_told_to_auditors_and_to_those_who_are_asked() {
        let approval = approval(&["dba"]);
        let with = |role, reviewer: Reviewer| Reviewer { roles: [role].into_iter().collect(), ..reviewer };
        assert!(may_reveal(&reviewer("bob", &["dba"]), &approval));
        assert!(!may_reveal(&reviewer("bob", &["sre"]), &approval));
        assert!(may_reveal(&with(Role::Auditor, reviewer("eve", &[])), &approval));
        assert!(!may_reveal(&with(Role::Operator, reviewer("eve", &["dba"])), &approval));
    }

    #[test]
    fn nobody_votes_twice_or_on_what_has_ended() {
        let mut approval = approval(&["dba"]);
        let now = approval.created_at;
        let vote = Vote {
            decision: DecisionId::random(),
            reviewer: Subject("bob".into()),
            proof: None,
            verdict: Verdict::Approve,
            reason: None,
            fingerprint: None,
            seen_in: None,
            at: now,
        };
        approval.vote(vote, now, Incarnation::ONLY).unwrap();
        assert_eq!(may_decide(&reviewer("bob", &["dba"]), &approval), Err(NotAllowed::AlreadyVoted));
        approval.lapse(approval.deadline);
        assert_eq!(may_decide(&reviewer("eve", &["dba"]), &approval), Err(NotAllowed::NotOpen));
    }
}
