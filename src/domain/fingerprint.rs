//! The digest that binds an approval to one call.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::call::Call;
use super::ids::InvalidId;
use super::json::Json;
use super::message::Message;
use super::ruling::{Reason, Terms};

/// SHA-256 over what makes a call this call: caller, route, path, method and parameters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// Keys of `params._meta` that a retry of the same call changes or that telemetry adds.
const VOLATILE_META: [&str; 4] = ["progressToken", "traceparent", "tracestate", "baggage"];
/// `_meta` keys with this prefix describe the protocol and the client, not the call.
const PROTOCOL_META: &str = "io.modelcontextprotocol/";

impl Fingerprint {
    /// The fingerprint of a call's message that is held on these terms.
    ///
    /// Rule, approvals, reviewers and whether a reason is required are in it, because a rule may look at what else is not:
    /// an approval is good only for a call that needs the same one. So are issuer and, for callers that nobody vouches for, their credential: two of
    /// them are not one.
    ///
    /// Not in it, because an identical retry differs there: JSON-RPC id, session, headers, and the `_meta` keys that
    /// carry progress, protocol and trace. Parts are separated by their lengths, so that no two calls share an input.
    pub fn of(call: &Call, message: &Message, terms: &Terms) -> Self {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        part("holdpoint/1");
        part(&terms.rule);
        part(&terms.approvals.to_string());
        part(&terms.reviewers.len().to_string());
        for group in &terms.reviewers {
            part(&group.0);
        }
        part(&terms.shares.len().to_string());
        for share in &terms.shares {
            part(&share.group.0);
            part(&share.people.to_string());
        }
        part(if terms.reason == Reason::Required { "reason" } else { "" });
        part(&call.caller.key().to_string());
        part(&call.caller.actors.len().to_string());
        for actor in &call.caller.actors {
            part(&actor.0);
        }
        part(call.route.as_deref().unwrap_or(""));
        part(&call.request.host);
        part(&call.request.target);
        part(&message.method);
        part(&lasting(&message.params).canonical());
        Self(hash.finalize().into())
    }

    /// The first 12 digits, enough for a person to compare.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

/// The parameters without what changes from one try to the next.
fn lasting(params: &Json) -> Json {
    let Json::Object(fields) = params else { return params.clone() };
    let field = |(name, value): &(String, Json)| match (name.as_str(), value) {
        ("_meta", Json::Object(meta)) => {
            let kept: Vec<_> = meta.iter().filter(|(key, _)| !volatile(key)).cloned().collect();
            (!kept.is_empty()).then(|| (name.clone(), Json::Object(kept)))
        }
        _ => Some((name.clone(), value.clone())),
    };
    Json::Object(fields.iter().filter_map(field).collect())
}

fn volatile(key: &str) -> bool {
    VOLATILE_META.contains(&key) || key.starts_with(PROTOCOL_META)
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.short())
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).map_err(|_| InvalidId::Fingerprint(text.to_owned()))?;
        Ok(Self(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::call::{Caller, Request};
    use crate::domain::ids::{Group, Subject};
    use crate::domain::quorum::Share;
    use crate::domain::sample;

    fn fingerprint(path: &str, caller: &str, params: &str) -> Fingerprint {
        fingerprint_on(&sample::terms(), path, caller, params)
    }

    fn fingerprint_on(terms: &Terms, path: &str, caller: &str, params: &str) -> Fingerprint {
        let message = Message {
            method: "tools/call".into(),
            id: None,
            params: Json::read(params.as_bytes()).unwrap(),
            tool: None,
        };
        let call = Call {
            caller: Caller { subject: Some(Subject(caller.into())), ..Caller::anonymous() },
            request: Request { target: path.into(), ..Request::default() },
            route: None,
            session: None,
        };
        Fingerprint::of(&call, &message, terms)
    }

    #[test]
    fn a_retry_of_the_same_call_keeps_its_fingerprint() {
        let first =
            fingerprint("/mcp", "a", r#"{"name":"t","arguments":{"a":1,"b":2},"_meta":{"progressToken":1}}"#);
        for retry in [
            r#"{"name":"t","arguments":{"b":2,"a":1},"_meta":{"progressToken":2}}"#,
            r#"{"arguments":{"a":1,"b":2},"name":"t"}"#,
            r#"{"name":"t","arguments":{"a":1,"b":2},"_meta":{"traceparent":"00-1","io.modelcontextprotocol/x":1}}"#,
        ] {
            assert_eq!(fingerprint("/mcp", "a", retry), first, "{retry}");
        }
    }

    #[test]
    fn any_other_call_has_another_fingerprint() {
        let first = fingerprint("/mcp", "a", r#"{"name":"t","arguments":{"a":1}}"#);
        for (path, caller, params) in [
            ("/mcp2", "a", r#"{"name":"t","arguments":{"a":1}}"#),
            ("/mcp", "b", r#"{"name":"t","arguments":{"a":1}}"#),
            ("/mcp", "a", r#"{"name":"u","arguments":{"a":1}}"#),
            ("/mcp", "a", r#"{"name":"t","arguments":{"a":1.0}}"#),
            ("/mcp", "a", r#"{"name":"t","arguments":{"a":"1"}}"#),
            ("/mcp", "a", r#"{"name":"t","arguments":{"a":1},"task":{}}"#),
            ("/mcp", "a", r#"{"name":"t","arguments":{"a":1},"_meta":{"other":1}}"#),
            ("/mcp", "a", r#"{"name":"t","arguments":{"a":1,"progressToken":1}}"#),
        ] {
            assert_ne!(fingerprint(path, caller, params), first, "{path} {caller} {params}");
        }
    }

    #[test]
    fn an_approval_on_weaker_terms_is_one_of_another_call() {
        let of = |terms: &Terms| fingerprint_on(terms, "/mcp", "a", "{}");
        let first = of(&sample::terms());
        let stricter = [
            Terms { approvals: 2, ..sample::terms() },
            Terms { reviewers: vec![Group("dba".into())], ..sample::terms() },
            Terms { rule: "another".into(), ..sample::terms() },
            Terms { reason: Reason::Required, ..sample::terms() },
            Terms { shares: vec![Share { group: Group("dba".into()), people: 1 }], ..sample::terms() },
        ];
        stricter.iter().for_each(|terms| assert_ne!(of(terms), first, "{terms:?}"));
    }

    #[test]
    fn callers_of_two_issuers_and_two_that_nobody_vouches_for_are_not_one() {
        let claims = |text: &str| Json::read(text.as_bytes()).unwrap();
        let alice = Caller { subject: Some(Subject("alice".into())), ..Caller::anonymous() };
        let keys = [
            Caller { claims: claims(r#"{"iss":"https://a"}"#), ..alice.clone() }.key(),
            Caller { claims: claims(r#"{"iss":"https://b"}"#), ..alice.clone() }.key(),
            alice.key(),
            Caller::anonymous().key(),
            Caller { credential: Some("1".into()), ..Caller::anonymous() }.key(),
            Caller { credential: Some("2".into()), ..Caller::anonymous() }.key(),
        ];
        for (n, key) in keys.iter().enumerate() {
            assert!(!keys[..n].contains(key), "{n}");
        }
        let renewed = Caller { credential: Some("new token".into()), ..alice.clone() };
        assert_eq!(renewed.key(), alice.key(), "whoever is vouched for may renew their credential");
    }
}
