//! What people do to an approval beside deciding.

use super::Approvals;
use crate::domain::act::{Act, ActRefused, Verb};
use crate::domain::approval::{Approval, State};
use crate::domain::authority::{NotAllowed, may_act};
use crate::domain::decision::Reviewer;
use crate::domain::ids::{ApprovalId, DecisionId};
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
    /// The id of the act belongs to another one.
    #[error("this id was used for something else")]
    IdUsed,
    /// The store failed: send the same again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Approvals {
    /// Does what somebody wants, if they may. Whatever is refused, is refused here.
    pub async fn act(&self, id: &ApprovalId, deed: Deed) -> Result<Approval, DeedError> {
        let (by, verb) = (deed.by.subject.clone(), deed.verb.as_str());
        let done = self.perform(id, deed).await;
        match &done {
            Ok(_) => tracing::info!(approval = %id, %by, verb, "done"),
            Err(why) => tracing::warn!(approval = %id, %by, verb, %why, "an act is refused"),
        }
        done
    }

    async fn perform(&self, id: &ApprovalId, deed: Deed) -> Result<Approval, DeedError> {
        let seen = self.look(id).await?.ok_or_else(|| DeedError::NotFound(id.clone()))?;
        may_act(&deed.by, deed.verb, deed.reason.as_deref(), &seen).map_err(DeedError::NotAllowed)?;
        let Deed { id: act, by, verb, reason } = deed;
        let act = Act { id: act, by: by.subject, verb, reason, at: self.clock.now() };
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
        })?;
        let is_this =
            |last: &Act| last.id == act.id && last.by == act.by && last.verb.as_str() == verb.as_str();
        if standing.last_act.as_ref().is_some_and(is_this) { Ok(standing) } else { Err(DeedError::IdUsed) }
    }
}
