//! What people did beside voting, as one field: of each, which act, when, and the rest as hexadecimal digits, because a
//! field has no comma; then `;`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{millis, read, time};
use crate::domain::act::{Act, Verb};
use crate::domain::ids::Subject;

/// The part of an act that no script looks at. Times in ms.
#[derive(Serialize, Deserialize)]
struct Rest {
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proof: Option<String>,
    verb: String,
    reason: Option<String>,
    #[serde(default)]
    extended_by: u64,
    #[serde(default)]
    longest: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen_in: Option<String>,
}

/// The part of an act that no script looks at.
pub(in crate::store::redis) fn encode(act: &Act) -> String {
    let (extended_by, longest) = match act.verb {
        Verb::Extend { by, longest } => (millis(by), millis(longest)),
        Verb::Cancel | Verb::Revoke => (0, 0),
    };
    let rest = Rest {
        by: act.by.0.clone(),
        proof: act.proof.clone(),
        verb: act.verb.as_str().to_owned(),
        reason: act.reason.clone(),
        extended_by,
        longest,
        seen_in: act.seen_in.map(|seen_in| seen_in.to_string()),
    };
    hex::encode(serde_json::to_string(&rest).expect("text becomes JSON"))
}

/// Reads back the whole field.
pub(super) fn decode(field: &str) -> Result<Vec<Act>, String> {
    field.split_terminator(';').map(act).collect()
}

fn act(text: &str) -> Result<Act, String> {
    let mut parts = text.splitn(3, ':');
    let mut part = || parts.next().ok_or("an act is incomplete");
    let (id, at, rest) = (part()?, part()?, part()?);
    let rest = hex::decode(rest).map_err(|e| format!("an act: {e}"))?;
    let rest: Rest = serde_json::from_slice(&rest).map_err(|e| format!("an act: {e}"))?;
    Ok(Act {
        id: read(id)?,
        by: Subject(rest.by),
        proof: rest.proof,
        verb: match rest.verb.as_str() {
            "cancel" => Verb::Cancel,
            "revoke" => Verb::Revoke,
            "extend" => Verb::Extend {
                by: Duration::from_millis(rest.extended_by),
                longest: Duration::from_millis(rest.longest),
            },
            other => return Err(format!("an act is {other:?}")),
        },
        reason: rest.reason,
        seen_in: rest.seen_in.as_deref().map(read).transpose()?,
        at: time(at)?,
    })
}
