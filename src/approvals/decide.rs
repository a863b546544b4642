//! A reviewer decides.

use std::sync::Arc;

use super::Approvals;
use crate::domain::approval::{Approval, VoteRefused};
use crate::domain::audit::{Event, Note};
use crate::domain::authority::{NotAllowed, may_decide};
use crate::domain::decision::{Reviewer, Verdict, Vote};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ApprovalId, DecisionId, Incarnation};
use crate::store::{StoreError, VoteError};

/// What a reviewer says of one approval.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Which decision this is: sent again after an error, it counts once.
    pub id: DecisionId,
    /// Whose it is.
    pub reviewer: Reviewer,
    /// Approve or reject.
    pub verdict: Verdict,
    /// Why.
    pub reason: Option<String>,
    /// The call that the reviewer saw.
    pub fingerprint: Option<Fingerprint>,
    /// The life of the store that showed it to them; where they do not say, the present one.
    pub seen_in: Option<Incarnation>,
}

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
    /// Records a decision, if the reviewer may take it. That one was refused is written down too.
    pub async fn decide(
        self: &Arc<Self>,
        id: &ApprovalId,
        decision: Decision,
    ) -> Result<Decided, DecideError> {
        let refused = Note::about(Event::Refused, id).by(&decision.reviewer);
        let refused = refused.with("verdict", decision.verdict.as_str());
        let decided = self.record(id, decision).await;
        match &decided {
            // What the store did not answer to is sent again.
            Ok(_) | Err(DecideError::NotFound(_) | DecideError::Store(_)) => {}
            Err(error) => self.note(refused.with("why", error.to_string())),
        }
        decided
    }

    async fn record(&self, id: &ApprovalId, decision: Decision) -> Result<Decided, DecideError> {
        let seen = self.look(id).await?.ok_or_else(|| DecideError::NotFound(id.clone()))?;
        // One that was counted and whose answer got lost comes again: the store then says what stands.
        let sent_again = seen.votes.iter().any(|vote| vote.decision == decision.id);
        match may_decide(&decision.reviewer, &seen) {
            _ if sent_again => {}
            Ok(()) => {}
            Err(NotAllowed::NotOpen) => return Err(DecideError::NotOpen(Box::new(seen))),
            Err(NotAllowed::AlreadyVoted) => return Err(DecideError::AlreadyVoted(Box::new(seen))),
            Err(why) => return Err(DecideError::NotAllowed(why)),
        }
        let vote = Vote {
            decision: decision.id,
            reviewer: decision.reviewer.subject,
            proof: Some(decision.reviewer.proof),
            verdict: decision.verdict,
            reason: decision.reason,
            fingerprint: decision.fingerprint,
            seen_in: decision.seen_in.or(Some(seen.seen_in)),
            at: self.clock.now(),
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
            Vote { at: vote.at, seen_in: vote.seen_in, proof: vote.proof.clone(), ..counted.clone() } == vote
        };
        if !standing.votes.iter().any(recorded) {
            return Err(DecideError::IdUsed);
        }
        tracing::info!(approval = %id, reviewer = %vote.reviewer, verdict = vote.verdict.as_str(),
            state = standing.state.kind().as_str(), "decided");
        let replicated = self.store.replicated(&standing).await;
        Ok(Decided { standing, replicated })
    }
}
