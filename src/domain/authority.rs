//! Who may decide. The one gate for page, API and command line.

use super::act::Verb;
use super::approval::{Approval, State};
use super::decision::{Decision, Reviewer, Role, Verdict};
use super::ids::Group;
use super::probe;
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
    /// It is a probe of the gate.
    #[error("this is a probe of the gate, which is refused in any case")]
    Probe,
    /// What the reviewer saw is not what is recorded.
    #[error("what you saw is not the call that is recorded")]
    FingerprintMismatch,
    /// They do not say why.
    #[error("say why: {0}")]
    ReasonRequired(&'static str),
    /// They are not one of those who may break the glass, or nobody may.
    #[error("{}", match .0 {
        Some(group) => format!("only members of {group} may break the glass"),
        None => "nobody may break the glass here".to_owned(),
    })]
    GlassNotYours(Option<Group>),
    /// They are neither an operator nor one of the reviewers.
    #[error("only operators and those who may decide this may do that")]
    NotYours,
}

/// Whether this reviewer may vote on this approval as it stands.
///
/// The store checks again what can change meanwhile (open, voted); groups and caller cannot.
pub fn may_decide(reviewer: &Reviewer, approval: &Approval) -> Result<(), NotAllowed> {
    let terms = &approval.held.terms;
    if !is_among_the_reviewers(reviewer, terms) {
        return Err(NotAllowed::NotInGroup(terms.reviewers.clone()));
    }
    may_approve_anything(reviewer, approval)?;
    if approval.standing_votes().iter().any(|vote| vote.reviewer == reviewer.subject) {
        return Err(NotAllowed::AlreadyVoted);
    }
    Ok(())
}

/// Whether this decision may be taken on this approval as it stands: by this reviewer, on what they saw, and with a
/// reason where one is wanted. `glass` is the group that may break it, if any may.
pub fn authorize(decision: &Decision, approval: &Approval, glass: Option<&Group>) -> Result<(), NotAllowed> {
    if decision.ticket.is_some() {
        may_break_glass(&decision.reviewer, approval, glass)?;
    } else {
        may_decide(&decision.reviewer, approval)?;
    }
    if decision.fingerprint.is_some_and(|seen| seen != approval.held.fingerprint) {
        return Err(NotAllowed::FingerprintMismatch);
    }
    let reason = decision.reason.as_deref();
    match (&decision.ticket, decision.verdict) {
        (Some(ticket), _) if !says_something(reason) || !says_something(Some(ticket)) => {
            Err(NotAllowed::ReasonRequired("breaking the glass takes a reason and a ticket"))
        }
        (None, Verdict::Reject) if !says_something(reason) => {
            Err(NotAllowed::ReasonRequired("the agent reads it"))
        }
        (None, Verdict::Approve)
            if approval.held.terms.reason == Reason::Required && !says_something(reason) =>
        {
            Err(NotAllowed::ReasonRequired("the rule wants a reason for this approval"))
        }
        _ => Ok(()),
    }
}

/// Whether somebody may do this to an approval: operators, and those who may decide it. Nobody extends their own call.
/// In which state it has to be is the store's to say.
pub fn may_act(
    who: &Reviewer,
    verb: Verb,
    reason: Option<&str>,
    approval: &Approval,
) -> Result<(), NotAllowed> {
    let reviews = who.roles.contain(Role::Reviewer) && is_among_the_reviewers(who, &approval.held.terms);
    if !reviews && !who.roles.contain(Role::Operator) {
        return Err(NotAllowed::NotYours);
    }
    match verb {
        Verb::Extend { .. } if approval.held.caller.includes(&who.subject) => Err(NotAllowed::OwnCall),
        Verb::Extend { .. } => Ok(()),
        Verb::Cancel | Verb::Revoke if says_something(reason) => Ok(()),
        Verb::Cancel | Verb::Revoke => Err(NotAllowed::ReasonRequired("it ends what others wait for")),
    }
}

/// Whether they may approve at once, whatever the rule wants: members of the group for it, never for their own call.
fn may_break_glass(
    reviewer: &Reviewer,
    approval: &Approval,
    glass: Option<&Group>,
) -> Result<(), NotAllowed> {
    if !glass.is_some_and(|group| reviewer.groups.overlaps(std::slice::from_ref(group))) {
        return Err(NotAllowed::GlassNotYours(glass.cloned()));
    }
    may_approve_anything(reviewer, approval)
}

/// What nobody is excepted from.
fn may_approve_anything(reviewer: &Reviewer, approval: &Approval) -> Result<(), NotAllowed> {
    if probe::is_queue(approval.id.queue()) {
        return Err(NotAllowed::Probe);
    }
    if !reviewer.roles.contain(Role::Reviewer) {
        return Err(NotAllowed::NotReviewer);
    }
    if approval.held.caller.includes(&reviewer.subject) {
        return Err(NotAllowed::OwnCall);
    }
    if approval.state != State::Pending {
        return Err(NotAllowed::NotOpen);
    }
    Ok(())
}

/// Whether this person may be told what is masked in a call: auditors, and those who may be asked to decide it.
pub fn may_reveal(reviewer: &Reviewer, approval: &Approval) -> bool {
    let asked =
        reviewer.roles.contain(Role::Reviewer) && is_among_the_reviewers(reviewer, &approval.held.terms);
    asked || reviewer.roles.contain(Role::Auditor)
}

fn says_something(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty())
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
    use std::time::Duration;

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
            marks: Marks::default(),
            reason: None,
            reason_code: None,
            ticket: None,
            fingerprint: None,
            seen_in: None,
            at: now,
            trace: None,
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
            (Optional, Reject, Some(recorded), None, Err(ReasonRequired("the agent reads it"))),
            (Optional, Reject, Some(recorded), Some(" \n"), Err(ReasonRequired("the agent reads it"))),
            (
                Required,
                Approve,
                Some(recorded),
                None,
                Err(ReasonRequired("the rule wants a reason for this approval")),
            ),
            (
                Required,
                Approve,
                None,
                Some(""),
                Err(ReasonRequired("the rule wants a reason for this approval")),
            ),
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
                ticket: None,
                fingerprint: seen,
                seen_in: None,
            };
            let decided = authorize(&decision, &sample::parked(held), None);
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
            ticket: None,
            fingerprint: None,
            seen_in: None,
        };
        assert_eq!(authorize(&decision, &approval(&["dba"]), None), Err(NotAllowed::OwnCall));
    }

    #[test]
    fn the_glass_is_broken_by_its_group_with_reason_and_ticket_and_never_for_ones_own_call() {
        use NotAllowed::*;
        let ops = Group("ops".into());
        let why = ReasonRequired("breaking the glass takes a reason and a ticket");
        let operator =
            Reviewer { roles: [Role::Operator].into_iter().collect(), ..reviewer("bob", &["ops"]) };
        for (who, glass, reason, ticket, expected) in [
            (reviewer("bob", &["ops"]), Some(&ops), "fire", "INC-1", Ok(())),
            (person("bob", Membership::All), Some(&ops), "fire", "INC-1", Ok(())),
            (reviewer("bob", &["ops"]), Some(&ops), " ", "INC-1", Err(why.clone())),
            (reviewer("bob", &["ops"]), Some(&ops), "fire", " ", Err(why)),
            (reviewer("bob", &["dba"]), Some(&ops), "fire", "INC-1", Err(GlassNotYours(Some(ops.clone())))),
            (person("bob", Membership::All), None, "fire", "INC-1", Err(GlassNotYours(None))),
            (person("alice", Membership::All), Some(&ops), "fire", "INC-1", Err(OwnCall)),
            (person("coach", Membership::All), Some(&ops), "fire", "INC-1", Err(OwnCall)),
            (operator, Some(&ops), "fire", "INC-1", Err(NotReviewer)),
        ] {
            let decision = Decision {
                id: DecisionId::random(),
                reviewer: who,
                verdict: Verdict::Approve,
                reason: Some(reason.into()),
                reason_code: None,
                ticket: Some(ticket.into()),
                fingerprint: None,
                seen_in: None,
            };
            let reviewer = &decision.reviewer;
            assert_eq!(authorize(&decision, &approval(&["dba"]), glass), expected, "{reviewer:?} {ticket}");
        }
    }

    #[test]
    fn operators_and_those_who_may_decide_act_with_a_reason() {
        use NotAllowed::*;
        let extend = Verb::Extend { by: Duration::from_secs(1), longest: Duration::from_secs(2) };
        let operator = Reviewer { roles: [Role::Operator].into_iter().collect(), ..reviewer("olga", &[]) };
        let auditor = Reviewer { roles: [Role::Auditor].into_iter().collect(), ..reviewer("anna", &["dba"]) };
        let why = ReasonRequired("it ends what others wait for");
        for (who, verb, reason, expected) in [
            (&operator, Verb::Cancel, Some("over"), Ok(())),
            (&operator, Verb::Revoke, Some("over"), Ok(())),
            (&operator, extend, None, Ok(())),
            (&operator, Verb::Cancel, None, Err(why.clone())),
            (&operator, Verb::Revoke, Some(" "), Err(why)),
            (&reviewer("bob", &["dba"]), Verb::Cancel, Some("over"), Ok(())),
            (&reviewer("bob", &["dev"]), Verb::Cancel, Some("over"), Err(NotYours)),
            (&auditor, Verb::Cancel, Some("over"), Err(NotYours)),
            (&reviewer("alice", &["dba"]), Verb::Cancel, Some("over"), Ok(())),
            (&reviewer("alice", &["dba"]), extend, None, Err(OwnCall)),
        ] {
            assert_eq!(may_act(who, verb, reason, &approval(&["dba"])), expected, "{who:?} {verb:?}");
        }
    }
}
