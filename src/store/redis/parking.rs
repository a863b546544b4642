//! Writes a held call down.

use std::time::Duration;

use redis::ScriptInvocation;
use tokio::time::sleep;

use super::RedisStore;
use super::record::{Reply, encode_held, millis, need, origin_text};
use crate::domain::approval::Approval;
use crate::domain::ruling::{Cap, Late};
use crate::store::{LEASE, Parking, StoreError};

/// The pause before asking again whether another replica lives.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Parks a call.
///
/// Where the identical call waits on another replica, that replica has to show a sign of life first, which takes up to a
/// third of a lease: a gateway sends the calls of a replica that died again within milliseconds, and they must not be
/// reviewed a second time.
pub(super) async fn park(store: &RedisStore, parking: &Parking) -> Result<Approval, StoreError> {
    let mut asked_first = String::new();
    loop {
        let mut call = call(store, parking);
        call.arg(&asked_first);
        let reply: Reply = store.run(&call).await?;
        match reply.word.as_str() {
            "full caller" => return Err(StoreError::Full(Cap::Caller)),
            "full queue" => return Err(StoreError::Full(Cap::Queue)),
            "ask again" => asked_first = reply.key,
            _ => {
                let parked = reply.approval(&parking.id, Some(&parking.held))?;
                store.doorbell.keep(&parked);
                return Ok(parked);
            }
        }
        sleep(ASK_AGAIN).await;
    }
}

/// All but the last argument of the script.
fn call<'s>(store: &'s RedisStore, parking: &Parking) -> ScriptInvocation<'s> {
    let Parking { id, held, holder, caps } = parking;
    let (late, open_for) = match held.terms.late {
        Late::On { grant } => (millis(grant).to_string(), held.terms.expires),
        Late::Off => ("off".into(), held.terms.expires.min(held.terms.hold)),
    };
    let mut call = store.call_on(&store.scripts.park, id, None);
    call.arg(holder.attempt.to_string())
        .arg(holder.replica.to_string())
        .arg(held.fingerprint.to_string())
        .arg(millis(LEASE))
        .arg(need(&held.terms))
        .arg(late)
        .arg(millis(open_for))
        .arg(encode_held(held))
        .arg(origin_text(holder.origin))
        .arg(millis(held.terms.cooldown))
        .arg(held.caller.key().to_string())
        .arg(caps.caller)
        .arg(caps.queue)
        .arg(held.usage().to_string());
    call
}
