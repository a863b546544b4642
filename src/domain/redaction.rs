//! What of a call is kept from those who read its record.
//!
//! It happens before anything is stored. The fingerprint is of the call as it came, and that is what runs: a reviewer sees
//! that something is not shown, and where.

use regex::Regex;

use super::json::Json;

/// What stands for what nobody sees again.
pub const DROPPED: &str = "[redacted]";
/// What stands for what is shown to those who ask.
pub const MASKED: &str = "[masked]";

/// What is redacted of the calls that a rule holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Redaction {
    /// Which values.
    pub values: Vec<Redact>,
    /// Whether no argument is kept.
    pub all_arguments: bool,
}

/// One kind of value that is redacted.
#[derive(Debug, Clone, PartialEq)]
pub struct Redact {
    /// Which.
    pub what: What,
    /// How.
    pub how: How,
}

/// Which values are redacted.
#[derive(Debug, Clone)]
pub enum What {
    /// Those at this place in the parameters; `*` stands for any member.
    Pointer(Pointer),
    /// What matches in a text or a number, wherever it is.
    Pattern(Regex),
}

impl PartialEq for What {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pointer(pointer), Self::Pointer(other)) => pointer == other,
            (Self::Pattern(pattern), Self::Pattern(other)) => pattern.as_str() == other.as_str(),
            _ => false,
        }
    }
}

/// How a value is redacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is kept nowhere.
    Drop,
    /// It is kept, and shown to those who may see it and ask.
    Mask,
}

/// A place in the parameters (RFC 6901), where `*` stands for any member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// Reads `/arguments/password`; none where it does not begin with a slash.
    pub fn read(text: &str) -> Option<Self> {
        let steps = text.strip_prefix('/')?.split('/');
        Some(Self(steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect()))
    }

    fn is(&self, path: &[String]) -> bool {
        self.0.len() == path.len() && self.0.iter().zip(path).all(|(step, at)| step == "*" || step == at)
    }
}

/// What was redacted of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Redacted {
    /// Where something was dropped.
    pub dropped: Vec<String>,
    /// Where something is masked, and what is there, as JSON.
    pub masked: Vec<(String, String)>,
}

impl Redacted {
    /// Whether all is as it was sent.
    pub fn is_nothing(&self) -> bool {
        self.dropped.is_empty() && self.masked.is_empty()
    }
}

impl Redaction {
    /// The message without what is redacted; as it was, byte for byte, where nothing is.
    ///
    /// A message that cannot be read as JSON is dropped whole.
    pub fn apply(&self, body: String) -> (String, Redacted) {
        let mut redacted = Redacted::default();
        if self.values.is_empty() && !self.all_arguments {
            return (body, redacted);
        }
        let Ok(Json::Object(mut message)) = Json::read(body.as_bytes()) else {
            redacted.dropped.push("/".to_owned());
            return (Json::String(DROPPED.to_owned()).text(), redacted);
        };
        if let Some((_, params)) = message.iter_mut().find(|(name, _)| name == "params") {
            if self.all_arguments {
                drop_arguments(params, &mut redacted);
            }
            self.walk(params, &mut Vec::new(), &mut redacted);
        }
        if redacted.is_nothing() { (body, redacted) } else { (Json::Object(message).text(), redacted) }
    }

    /// Text beside the message, such as a path, without what patterns match.
    pub fn text(&self, text: &str) -> String {
        let patterns = self.values.iter().filter_map(|redact| match &redact.what {
            What::Pattern(pattern) => Some(pattern),
            What::Pointer(_) => None,
        });
        patterns.fold(text.to_owned(), |text, pattern| pattern.replace_all(&text, DROPPED).into_owned())
    }

    fn walk(&self, value: &mut Json, path: &mut Vec<String>, redacted: &mut Redacted) {
        if let Some(how) = self.here(value, path) {
            let (marker, at) = (how.marker(), pointer(path));
            let was = std::mem::replace(value, Json::String(marker.to_owned()));
            match how {
                How::Drop => redacted.dropped.push(at),
                How::Mask => redacted.masked.push((at, was.text())),
            }
            return;
        }
        match value {
            Json::Array(items) => {
                for (n, item) in items.iter_mut().enumerate() {
                    self.step(n.to_string(), item, path, redacted);
                }
            }
            Json::Object(members) => {
                for (name, member) in members {
                    self.step(name.clone(), member, path, redacted);
                }
            }
            _ => {}
        }
    }

    fn step(&self, step: String, value: &mut Json, path: &mut Vec<String>, redacted: &mut Redacted) {
        path.push(step);
        self.walk(value, path, redacted);
        path.pop();
    }

    /// How the value at this place is redacted: dropped where any says so.
    fn here(&self, value: &Json, path: &[String]) -> Option<How> {
        let text = match value {
            Json::String(text) | Json::Number(text) => Some(text),
            _ => None,
        };
        let meant = self.values.iter().filter(|redact| match &redact.what {
            What::Pointer(pointer) => pointer.is(path),
            What::Pattern(pattern) => text.is_some_and(|text| pattern.is_match(text)),
        });
        meant.map(|redact| redact.how).min_by_key(|how| *how == How::Mask)
    }
}

impl How {
    fn marker(self) -> &'static str {
        match self {
            Self::Drop => DROPPED,
            Self::Mask => MASKED,
        }
    }
}

/// The arguments of a tool, or all parameters of another method.
fn drop_arguments(params: &mut Json, redacted: &mut Redacted) {
    let Json::Object(members) = params else { return };
    for (name, member) in members.iter_mut().filter(|(name, _)| name != "name" && name != "_meta") {
        *member = Json::String(DROPPED.to_owned());
        redacted.dropped.push(pointer(std::slice::from_ref(name)));
    }
}

fn pointer(path: &[String]) -> String {
    path.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact(what: &str, how: How) -> Redact {
        let pointer = Pointer::read(what).map(What::Pointer);
        Redact { what: pointer.unwrap_or_else(|| What::Pattern(Regex::new(what).unwrap())), how }
    }

    fn redaction(values: &[(&str, How)]) -> Redaction {
        Redaction {
            values: values.iter().map(|(what, how)| redact(what, *how)).collect(),
            all_arguments: false,
        }
    }

    fn call(arguments: &str) -> String {
        format!(
            r#"{{ "jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t","arguments":{arguments}}}}}"#
        )
    }

    #[test]
    fn what_is_dropped_is_nowhere_and_its_place_is_told() {
        let redaction =
            redaction(&[("/arguments/password", How::Drop), ("/arguments/users/*/key", How::Drop)]);
        let (body, redacted) =
            redaction.apply(call(r#"{"password":{"a":["hunter2"]},"users":[{"key":"k-1","n":1.10}]}"#));
        assert!(!body.contains("hunter2") && !body.contains("k-1"), "{body}");
        assert!(body.contains(r#""n":1.10"#), "what is left is as it was sent: {body}");
        assert_eq!(redacted.dropped, ["/arguments/password", "/arguments/users/0/key"]);
    }

    #[test]
    fn what_is_masked_is_kept_beside_the_body() {
        let (body, redacted) =
            redaction(&[("/arguments/to", How::Mask)]).apply(call(r#"{"to":{"iban":"DE1","n":1e2}}"#));
        assert!(body.contains(r#""to":"[masked]""#), "{body}");
        assert_eq!(redacted.masked, [("/arguments/to".to_owned(), r#"{"iban":"DE1","n":1e2}"#.to_owned())]);
    }

    #[test]
    fn patterns_find_secrets_in_texts_and_numbers_at_any_depth() {
        let redaction = redaction(&[("sk-[a-z0-9]+", How::Drop), ("^4[0-9]{15}$", How::Drop)]);
        let (body, redacted) =
            redaction.apply(call(r#"{"a":[{"b":"use sk-\u0061bc now"}],"card":4111111111111111,"c":12}"#));
        assert!(!body.contains("sk-") && !body.contains("4111") && body.contains("12"), "{body}");
        assert_eq!(redacted.dropped, ["/arguments/a/0/b", "/arguments/card"]);
        assert_eq!(redaction.text("/mcp?key=sk-abc"), "/mcp?key=[redacted]");
    }

    #[test]
    fn dropping_wins_over_masking() {
        let (body, redacted) =
            redaction(&[("/arguments/a", How::Mask), ("secret", How::Drop)]).apply(call(r#"{"a":"secret"}"#));
        assert!(body.contains(DROPPED) && redacted.masked.is_empty(), "{body}");
    }

    #[test]
    fn no_argument_is_kept_where_none_shall_be() {
        let redaction = Redaction { all_arguments: true, ..Redaction::default() };
        let (body, redacted) = redaction.apply(call(r#"{"a":"hunter2"}"#));
        assert!(!body.contains("hunter2") && body.contains(r#""name":"t""#), "{body}");
        assert_eq!(redacted.dropped, ["/arguments"]);
    }

    #[test]
    fn what_nothing_is_redacted_of_stays_byte_for_byte() {
        let sent = call(r#"{"a":1.0}"#);
        let (body, redacted) =
            redaction(&[("/arguments/b", How::Drop), ("nothing", How::Mask)]).apply(sent.clone());
        assert_eq!((body, redacted.is_nothing()), (sent, true));
    }
}
