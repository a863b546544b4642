//! Who may decide. The one gate for page, API and command line.

use super::approval::{Approval, State};
use super::decision::{Decision, Reviewer, Role, Verdict};
use super::ids::Group;
use super::ruling::{Reason, Terms};

/// Why a reviewer may not decide, or not like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// Whoever it is does not review at all.
    #[error("you may look, but not decide: that takes the role of a reviewer")]
    NotReviewer,
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
    /// What the reviewer saw is not what is recorded.
    #[error("what you saw is not the call that is recorded")]
    FingerprintMismatch,
    /// They do not say why.
    #[error("say why: {}", match .0 {
        Verdict::Reject => "the agent reads it",
        Verdict::Approve => "the rule wants a reason for this approval",
    })]
    ReasonRequired(Verdict),
}

/// Whether this reviewer may vote on this approval as it stands.
///
/// The store checks again what can change meanwhile (open, voted); groups and caller cannot.
pub fn may_decide(reviewer: &Reviewer, approval: &Approval) -> Result<(), NotAllowed> {
    let terms = &approval.held.terms;
    if !reviewer.roles.contain(Role::Reviewer) {
        return Err(NotAllowed::NotReviewer);
    }
    if !is_among_the_reviewers(reviewer, terms) {
        return Err(NotAllowed::NotInGroup(terms.reviewers.clone()));
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

/// Whether this decision may be taken on this approval as it stands: by this reviewer, on what they saw, and with a
/// reason where one is wanted.
pub fn authorize(decision: &Decision, approval: &Approval) -> Result<(), NotAllowed> {
    may_decide(&decision.reviewer, approval)?;
    if decision.fingerprint.is_some_and(|seen| seen != approval.held.fingerprint) {
        return Err(NotAllowed::FingerprintMismatch);
    }
    let wants_reason = decision.verdict == Verdict::Reject || approval.held.terms.reason == Reason::Required;
    if wants_reason && decision.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(NotAllowed::ReasonRequired(decision.verdict));
    }
    Ok(())
}

/// Whether they belong to a group that the rule names, or it names none.
fn is_among_the_reviewers(reviewer: &Reviewer, terms: &Terms) -> bool {
    terms.reviewers.is_empty() || reviewer.groups.overlaps(&terms.reviewers)
}

fn list(groups: &[Group]) -> String {
    groups.iter().map(Group::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::approval::Approval;
    use crate::domain::decision::{Membership, Roles, Vote};
    use crate::domain::ids::{DecisionId, Incarnation, Subject};
    use crate::domain::quorum::Marks;
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
    fn nobody_votes_twice_or_on_what_has_ended() {
        let mut approval = approval(&["dba"]);
        let now = approval.created_at;
        let vote = Vote {
            decision: DecisionId::random(),
            reviewer: Subject("bob".into()),
            verdict: Verdict::Approve,
            marks: Marks::default(),
            reason: None,
            reason_code: None,
            fingerprint: None,
            at: now,
        };
        approval.vote(vote, now, Incarnation::ONLY).unwrap();
        assert_eq!(may_decide(&reviewer("bob", &["dba"]), &approval), Err(NotAllowed::AlreadyVoted));
        approval.lapse(approval.deadline);
        assert_eq!(may_decide(&reviewer("eve", &["dba"]), &approval), Err(NotAllowed::NotOpen));
    }

    #[test]
    fn who_is_no_reviewer_may_only_look() {
        for roles in [vec![], vec![Role::Operator, Role::Auditor]] {
            let roles: Roles = roles.into_iter().collect();
            let looker = Reviewer { roles, ..person("bob", Membership::All) };
            assert_eq!(may_decide(&looker, &approval(&["dba"])), Err(NotAllowed::NotReviewer));
        }
    }

    #[test]
    fn a_decision_is_about_the_recorded_call_and_says_why_where_that_is_wanted() {
        let recorded = approval(&["dba"]).held.fingerprint;
        let other = "22".repeat(32).parse().unwrap();
        use {NotAllowed::*, Reason::*, Verdict::*};
        for (wanted, verdict, seen, reason, expected) in [
            (Optional, Approve, Some(recorded), None, Ok(())),
            (Optional, Approve, None, None, Ok(())),
            (Optional, Approve, Some(other), None, Err(FingerprintMismatch)),
            (Optional, Reject, Some(other), Some("no"), Err(FingerprintMismatch)),
            (Optional, Reject, Some(recorded), Some("no"), Ok(())),
            (Optional, Reject, Some(recorded), None, Err(ReasonRequired(Reject))),
            (Optional, Reject, Some(recorded), Some(" \n"), Err(ReasonRequired(Reject))),
            (Required, Approve, Some(recorded), None, Err(ReasonRequired(Approve))),
            (Required, Approve, None, Some(""), Err(ReasonRequired(Approve))),
            (Required, Approve, Some(recorded), Some("checked"), Ok(())),
        ] {
            let mut held = approval(&["dba"]).held.as_ref().clone();
            held.terms.reason = wanted;
            let decision = Decision {
                id: DecisionId::random(),
                reviewer: reviewer("bob", &["dba"]),
                verdict,
                reason: reason.map(str::to_owned),
                reason_code: None,
                fingerprint: seen,
            };
            let decided = authorize(&decision, &sample::parked(held));
            assert_eq!(decided, expected, "{wanted:?} {verdict:?} {reason:?}");
        }
    }

    #[test]
    fn whoever_may_not_decide_may_not_by_giving_reasons() {
        let decision = Decision {
            id: DecisionId::random(),
            reviewer: person("alice", Membership::All),
            verdict: Verdict::Approve,
            reason: Some("it is mine".into()),
            reason_code: None,
            fingerprint: None,
        };
        assert_eq!(authorize(&decision, &approval(&["dba"])), Err(NotAllowed::OwnCall));
    }
}
