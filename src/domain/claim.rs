//! What the agent itself says about its call. Nobody has checked it.

use super::approval::Held;
use super::json::Json;

/// Names under which agents say why they call. There is no standard for it.
const NAMES: [&str; 5] = ["reason", "justification", "explanation", "purpose", "why"];

/// Where the agent says something, in the arguments or in `_meta`, and what.
pub fn claims(held: &Held) -> Vec<(String, String)> {
    let params = held.params();
    let places = [("arguments", params.get("arguments")), ("_meta", params.get("_meta"))];
    let claim = |place: &'static str| {
        move |(key, value): &(String, Json)| {
            // Keys of `_meta` have a prefix: `com.example/reason`.
            let name = key.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
            let text = value.as_str().filter(|_| NAMES.contains(&name.as_str()))?;
            Some((format!("{place}.{key}"), text.to_owned()))
        }
    };
    let members = |(place, value): (&'static str, Option<&Json>)| match value {
        Some(Json::Object(members)) => members.iter().filter_map(claim(place)).collect(),
        _ => Vec::new(),
    };
    places.into_iter().flat_map(members).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample;

    #[test]
    fn a_claim_is_found_in_arguments_and_in_meta_and_nothing_else_is_one() {
        let body = r#"{"params":{"name":"t","arguments":{"reason":"urgent","version":"v3","why":7},
            "_meta":{"com.example/Justification":"asked","other":"x"}}}"#;
        let held = Held { body: body.to_owned(), ..sample::held() };
        let found: Vec<_> = claims(&held).iter().map(|(place, text)| format!("{place}: {text}")).collect();
        assert_eq!(found, ["arguments.reason: urgent", "_meta.com.example/Justification: asked"]);
    }
}
