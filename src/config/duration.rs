//! Spans of time as people write them: `50s`, `15m`, `7d`.

use std::borrow::Cow;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};

/// The longest span that can be set: 31 days.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

/// A span of time, more than nothing and at most 31 days; by default as many seconds as its type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span<const DEFAULT_SECONDS: u64>(Duration);

impl<const DEFAULT_SECONDS: u64> Span<DEFAULT_SECONDS> {
    /// The span.
    pub fn get(self) -> Duration {
        self.0
    }
}

impl<const DEFAULT_SECONDS: u64> Default for Span<DEFAULT_SECONDS> {
    fn default() -> Self {
        Self(Duration::from_secs(DEFAULT_SECONDS))
    }
}

impl<'de, const DEFAULT_SECONDS: u64> Deserialize<'de> for Span<DEFAULT_SECONDS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong =
            |why: String| D::Error::custom(format!("{text:?} is no span of time such as 50s or 15m: {why}"));
        // A day is a calendar unit to most parsers; here it is 24 hours.
        let days = text.trim().strip_suffix('d').and_then(|days| days.trim().parse::<u64>().ok());
        let span = match days {
            Some(days) => Duration::from_secs(days.saturating_mul(24 * 3600)),
            None => {
                let signed: SignedDuration =
                    text.parse().map_err(|error: jiff::Error| wrong(error.to_string()))?;
                Duration::try_from(signed).map_err(|_| wrong("it is negative".to_owned()))?
            }
        };
        match span {
            Duration::ZERO => Err(wrong("it is nothing".to_owned())),
            span if span > LONGEST => Err(wrong("it is more than 31 days".to_owned())),
            span => Ok(Self(span)),
        }
    }
}

/// In its largest unit, as a person would write it.
impl<const DEFAULT_SECONDS: u64> Serialize for Span<DEFAULT_SECONDS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = self.0.as_secs();
        let units = [(24 * 3600, 'd'), (3600, 'h'), (60, 'm'), (1, 's')];
        let (length, unit) =
            units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length)).expect("a second divides");
        serializer.collect_str(&format_args!("{}{unit}", seconds / length))
    }
}

impl<const DEFAULT_SECONDS: u64> JsonSchema for Span<DEFAULT_SECONDS> {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "duration" })
    }
}
