//! What a person did beside voting, as one field: which act, when, and the rest as hexadecimal digits, because a field
//! has no comma.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{millis, read, time};
use crate::domain::act::{Act, Verb};
use crate::domain::ids::Subject;

/// The part of an act that no script looks at. Times in ms.
#[derive(Serialize, Deserialize)]
struct Rest {
    by: String,
    verb: String,
    reason: Option<String>,
    #[serde(default)]
    extended_by: u64,
    #[serde(default)]
    longest: u64,
}

/// The part of an act that no script looks at.
pub(in crate::store::redis) fn encode(act: &Act) -> String {
    let (extended_by, longest) = match act.verb {
        Verb::Extend { by, longest } => (millis(by), millis(longest)),
        Verb::Cancel | Verb::Revoke => (0, 0),
    };
    let (by, verb) = (act.by.0.clone(), act.verb.as_str().to_owned());
    let rest = Rest { by, verb, reason: act.reason.clone(), extended_by, longest };
    hex::encode(serde_json::to_string(&rest).expect("text becomes JSON"))
}

/// Reads back the whole field.
pub(super) fn decode(field: &str) -> Result<Act, String> {
    let mut parts = field.splitn(3, ':');
    let mut part = || parts.next().ok_or("an act is incomplete");
    let (id, at, rest) = (part()?, part()?, part()?);
    let rest = hex::decode(rest).map_err(|e| format!("an act: {e}"))?;
    let rest: Rest = serde_json::from_slice(&rest).map_err(|e| format!("an act: {e}"))?;
    Ok(Act {
        id: read(id)?,
        by: Subject(rest.by),
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
        at: time(at)?,
    })
}
