//! A reviewer decides.

use futures_util::FutureExt;
use std::sync::Arc;

use super::Approvals;
use crate::domain::approval::{Approval, VoteRefused};
use crate::domain::audit::{Event, Note};
use crate::domain::authority::{NotAllowed, authorize};
use crate::domain::decision::{Decision, Vote};
use crate::domain::ids::ApprovalId;
use crate::store::{StoreError, VoteError};
use crate::telemetry::{self, Span, metrics};

/// A decision that was recorded.
#[derive(Debug, PartialEq)]
pub struct Decided {
    /// The record as it stands with it.
    pub standing: Approval,
    /// Whether as many replicas of the store as were asked for have it; none where none were asked for.
    pub replicated: Option<bool>,
}

/// Why a decision was not recorded.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum DecideError {
    /// There is no such approval.
    #[error("there is no approval {0}")]
    NotFound(ApprovalId),
    /// This reviewer may not decide it.
    #[error("{0}")]
    NotAllowed(NotAllowed),
    /// It was decided, or ended, before; here is what stands.
    #[error("it has been decided, or has ended, before")]
    NotOpen(Box<Approval>),
    /// This reviewer has voted before; here is what stands.
    #[error("you have voted on this already")]
    AlreadyVoted(Box<Approval>),
    /// The store failed over after the reviewer looked; here is what stands.
    #[error("the store changed hands since you saw this: look again, and decide anew")]
    AskedAgain(Box<Approval>),
    /// What the reviewer saw is not what is recorded; here is what is.
    #[error("what you saw is not the call that is recorded")]
    FingerprintMismatch(Box<Approval>),
    /// The id of the decision belongs to another one.
    #[error("this decision's id was used for another decision")]
    IdUsed,
    /// The store failed: send the same decision again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Approvals {
    /// Records a decision, if the reviewer may take it. Whatever is refused, is refused here, and written down too.
    pub async fn decide(
        self: &Arc<Self>,
        id: &ApprovalId,
        decision: Decision,
    ) -> Result<Decided, DecideError> {
        let (reviewer, verdict) = (decision.reviewer.subject.clone(), decision.verdict);
        let refused = Note::about(Event::Refused, id).by(&decision.reviewer);
        let refused = refused.with("verdict", verdict.as_str()).with("ticket", decision.ticket.clone());
        let recorded = self.record(id, decision).inspect(|decided| match decided {
            Ok(Decided { standing, .. }) => {
                let state = standing.state.kind().as_str();
                metrics().decided(verdict);
                tracing::info!(approval = %id, %reviewer, verdict = verdict.as_str(), state, "decided");
            }
            Err(why) => {
                tracing::warn!(approval = %id, %reviewer, verdict = verdict.as_str(), %why, "a decision is refused");
                // What the store did not answer to is sent again.
                if !matches!(why, DecideError::NotFound(_) | DecideError::Store(_)) {
                    self.note(refused.clone().with("why", why.to_string()));
                }
            }
        });
        Span::root("decision").around(recorded).await
    }

    /// Whether the decision would be recorded as things stand; it records nothing.
    pub async fn try_out(&self, id: &ApprovalId, decision: &Decision) -> Result<(), DecideError> {
        let seen = self.look(id).await?.ok_or_else(|| DecideError::NotFound(id.clone()))?;
        self.authorize(decision, &seen).map_err(|why| refused(why, &seen))
    }

    fn authorize(&self, decision: &Decision, seen: &Approval) -> Result<(), NotAllowed> {
        authorize(decision, seen, self.settings.break_glass.as_ref())
    }

    async fn record(&self, id: &ApprovalId, decision: Decision) -> Result<Decided, DecideError> {
        let seen = self.look(id).await?.ok_or_else(|| DecideError::NotFound(id.clone()))?;
        telemetry::decides(&seen, decision.verdict);
        // One that was counted and whose answer got lost comes again: the store then says what stands.
        let sent_before = seen.votes.iter().find(|vote| vote.decision == decision.id);
        if sent_before.is_none() {
            self.authorize(&decision, &seen).map_err(|why| refused(why, &seen))?;
        }
        let marks = seen.held.terms.marks(&decision.reviewer.groups);
        let vote = Vote {
            decision: decision.id,
            reviewer: decision.reviewer.subject,
            proof: Some(decision.reviewer.proof),
            verdict: decision.verdict,
            marks: sent_before.map_or(marks, |sent| sent.marks.clone()),
            reason: decision.reason,
            reason_code: decision.reason_code,
            ticket: decision.ticket,
            fingerprint: decision.fingerprint,
            seen_in: decision.seen_in.or(Some(seen.seen_in)),
            at: self.clock.now(),
            trace: telemetry::current().map(|span| span.to_string()),
        };
        let standing = self.store.vote(id, &vote).await.map_err(|error| match error {
            VoteError::NotFound(id) => DecideError::NotFound(id),
            VoteError::Store(error) => DecideError::Store(error),
            VoteError::Refused { why: VoteRefused::NotOpen, standing } => DecideError::NotOpen(standing),
            VoteError::Refused { why: VoteRefused::Void, standing } => DecideError::AskedAgain(standing),
            VoteError::Refused { why: VoteRefused::AlreadyVoted, standing } => {
                DecideError::AlreadyVoted(standing)
            }
            VoteError::Refused { why: VoteRefused::FingerprintMismatch, standing } => {
                DecideError::FingerprintMismatch(standing)
            }
        })?;
        // An id that was used before changes nothing; whoever meant something else by it must not read "recorded".
        let recorded = |counted: &Vote| {
            let Vote { at, seen_in, proof, trace, .. } = vote.clone();
            Vote { at, seen_in, proof, trace, ..counted.clone() } == vote
        };
        if !standing.votes.iter().any(recorded) {
            return Err(DecideError::IdUsed);
        }
        telemetry::decided(&standing);
        let replicated = self.store.replicated(&standing).await;
        Ok(Decided { standing, replicated })
    }
}

fn refused(why: NotAllowed, seen: &Approval) -> DecideError {
    let seen = || Box::new(seen.clone());
    match why {
        NotAllowed::NotOpen => DecideError::NotOpen(seen()),
        NotAllowed::AlreadyVoted => DecideError::AlreadyVoted(seen()),
        NotAllowed::FingerprintMismatch => DecideError::FingerprintMismatch(seen()),
        why => DecideError::NotAllowed(why),
    }
}
