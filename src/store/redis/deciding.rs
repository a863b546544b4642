//! What people do to a record.

use super::RedisStore;
use super::record::{Reply, encode_act_rest, encode_vote_rest, millis};
use crate::domain::act::{Act, ActRefused, Verb};
use crate::domain::approval::{Approval, CLAIM_WINDOW, MOST_EXTENSIONS, VoteRefused};
use crate::domain::decision::Vote;
use crate::domain::ids::ApprovalId;
use crate::store::{ActError, StoreError, VoteError};

/// Counts a vote.
pub(super) async fn vote(store: &RedisStore, id: &ApprovalId, vote: &Vote) -> Result<Approval, VoteError> {
    let known = store.doorbell.held(id);
    let mut call = store.call_on(&store.scripts.vote, id, known.as_ref());
    call.arg(vote.decision.to_string())
        .arg(&vote.reviewer.0)
        .arg(vote.word())
        .arg(vote.fingerprint.map(|f| f.to_string()).unwrap_or_default())
        .arg(encode_vote_rest(vote))
        .arg(millis(CLAIM_WINDOW))
        .arg(vote.seen_in.map(|seen_in| seen_in.to_string()).unwrap_or_default());
    let reply: Option<Reply> = store.run(&call).await?;
    let reply = reply.ok_or_else(|| VoteError::NotFound(id.clone()))?;
    let standing = reply.approval(id, known.as_ref())?;
    let why = match reply.word.as_str() {
        "counted" => return Ok(standing),
        "not open" => VoteRefused::NotOpen,
        "void" => VoteRefused::Void,
        "voted" => VoteRefused::AlreadyVoted,
        "mismatch" => VoteRefused::FingerprintMismatch,
        other => {
            let why = format!("a vote on it was answered with {other:?}");
            return Err(StoreError::Unreadable { id: id.clone(), why }.into());
        }
    };
    Err(VoteError::Refused { why, standing: Box::new(standing) })
}

/// Does what a person does beside voting.
pub(super) async fn act(store: &RedisStore, id: &ApprovalId, act: &Act) -> Result<Approval, ActError> {
    let known = store.doorbell.held(id);
    let mut call = store.call_on(&store.scripts.act, id, known.as_ref());
    let (by, longest) = match act.verb {
        Verb::Extend { by, longest } => (millis(by), millis(longest)),
        Verb::Cancel | Verb::Revoke => (0, 0),
    };
    call.arg(act.id.to_string())
        .arg(&act.by.0)
        .arg(act.verb.as_str())
        .arg(by)
        .arg(longest)
        .arg(encode_act_rest(act))
        .arg(act.seen_in.map(|seen_in| seen_in.to_string()).unwrap_or_default())
        .arg(MOST_EXTENSIONS)
        .arg(serde_json::to_string(&act.detail()).expect("text and numbers become JSON"));
    let reply: Option<Reply> = store.run(&call).await?;
    let reply = reply.ok_or_else(|| ActError::NotFound(id.clone()))?;
    let standing = reply.approval(id, known.as_ref())?;
    let why = match reply.word.as_str() {
        "done" => return Ok(standing),
        "wrong state" => ActRefused::WrongState,
        "void" => ActRefused::Void,
        "too long" => ActRefused::TooLong,
        other => {
            let why = format!("an act on it was answered with {other:?}");
            return Err(StoreError::Unreadable { id: id.clone(), why }.into());
        }
    };
    Err(ActError::Refused { why, standing: Box::new(standing) })
}
