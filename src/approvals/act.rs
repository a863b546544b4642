//! What people do to an approval beside deciding.

use std::sync::Arc;

use super::{Approvals, Decided};
use crate::domain::act::{Act, ActRefused, Verb};
use crate::domain::approval::{Approval, State};
use crate::domain::audit::{Event, Note};
use crate::domain::authority::{NotAllowed, may_act};
use crate::domain::decision::Reviewer;
use crate::domain::ids::{ApprovalId, DecisionId, Incarnation};
use crate::store::{ActError, StoreError};

/// What somebody wants to do to an approval.
#[derive(Debug, Clone)]
pub struct Deed {
    /// Which act this is: sent again after an error, it is done once.
    pub id: DecisionId,
    /// Who wants it.
    pub by: Reviewer,
    /// What they want.
    pub verb: Verb,
    /// Why.
    pub reason: Option<String>,
    /// The life of the store that showed it to them; where they do not say, the present one.
    pub seen_in: Option<Incarnation>,
}

/// Why an act was not done.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum DeedError {
    /// There is no such approval.
    #[error("there is no approval {0}")]
    NotFound(ApprovalId),
    /// They may not.
    #[error("{0}")]
    NotAllowed(NotAllowed),
    /// It is in another state than the act takes; here is what stands.
    #[error("it is in another state")]
    WrongState(Box<Approval>),
    /// It is not approved, so there is nothing to revoke; here is what stands.
    #[error("it is not approved yet")]
    NotApproved(Box<Approval>),
    /// It would be open for longer than anything may.
    #[error("it would be open for longer than this installation allows")]
    TooLong,
    /// The store failed over after they looked; here is what stands.
    #[error("the store changed hands since you saw this: look again")]
    AskedAgain(Box<Approval>),
    /// The id of the act belongs to another one.
    #[error("this id was used for something else")]
    IdUsed,
    /// The store failed: send the same again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Approvals {
    /// Does what somebody wants, if they may. Whatever is refused, is refused here, and written down too.
    pub async fn act(self: &Arc<Self>, id: &ApprovalId, deed: Deed) -> Result<Decided, DeedError> {
        let (by, verb) = (deed.by.subject.clone(), deed.verb.as_str());
        let refused = Note::about(Event::Refused, id).by(&deed.by).with("verb", verb);
        let done = self.perform(id, deed).await;
        match &done {
            Ok(_) => tracing::info!(approval = %id, %by, verb, "done"),
            Err(why) => {
                tracing::warn!(approval = %id, %by, verb, %why, "an act is refused");
                // What the store did not answer to is sent again.
                if !matches!(why, DeedError::NotFound(_) | DeedError::Store(_)) {
                    self.note(refused.with("why", why.to_string()));
                }
            }
        }
        done
    }

    async fn perform(&self, id: &ApprovalId, deed: Deed) -> Result<Decided, DeedError> {
        let seen = self.look(id).await?.ok_or_else(|| DeedError::NotFound(id.clone()))?;
        may_act(&deed.by, deed.verb, deed.reason.as_deref(), &seen).map_err(DeedError::NotAllowed)?;
        let Deed { id: act, by, verb, reason, seen_in } = deed;
        let seen_in = seen_in.or(Some(seen.seen_in));
        let Reviewer { subject: by, proof, .. } = by;
        let act = Act { id: act, by, proof: Some(proof), verb, reason, seen_in, at: self.clock.now() };
        let standing = self.store.act(id, &act).await.map_err(|error| match error {
            ActError::NotFound(id) => DeedError::NotFound(id),
            ActError::Store(error) => DeedError::Store(error),
            ActError::Refused { why: ActRefused::WrongState, standing }
                if verb == Verb::Revoke && standing.state == State::Pending =>
            {
                DeedError::NotApproved(standing)
            }
            ActError::Refused { why: ActRefused::WrongState, standing } => DeedError::WrongState(standing),
            ActError::Refused { why: ActRefused::TooLong, .. } => DeedError::TooLong,
            ActError::Refused { why: ActRefused::Void, standing } => DeedError::AskedAgain(standing),
        })?;
        let is_this =
            |done: &Act| done.id == act.id && done.by == act.by && done.verb.as_str() == verb.as_str();
        if !standing.acts.iter().any(is_this) {
            return Err(DeedError::IdUsed);
        }
        let replicated = self.store.replicated(&standing).await;
        Ok(Decided { standing, replicated })
    }
}
