//! Who calls, and by which route, as far as the gateway vouches for it.

use prost_types::value::Kind;
use prost_types::{Struct, Value};

use super::request::{Headers, Vouched};
use crate::config::{IdentityConfig, Source};
use crate::domain::call::Caller;
use crate::domain::ids::{CallerKey, Subject};
use crate::domain::json::Json;

/// How deep a chain of actors (RFC 8693 `act` in `act`) is followed.
const MAX_ACTORS: usize = 16;

/// The first configured source that names a caller; nobody where none does.
pub fn caller(config: &IdentityConfig, vouched: &Vouched, headers: &Headers) -> Caller {
    let claims = config.caller.iter().filter_map(|source| found(source, vouched, headers));
    let named = claims.map(claimed).find(|caller| caller.subject.is_some());
    named.unwrap_or_else(|| Caller {
        credential: headers.all("authorization").next().map(|secret| CallerKey::of(&[secret]).to_string()),
        ..Caller::anonymous()
    })
}

/// The first configured source that names a route.
pub fn route(config: &IdentityConfig, vouched: &Vouched, headers: &Headers) -> Option<String> {
    let text = |source| match found(source, vouched, headers)? {
        Json::String(text) => Some(text),
        _ => None,
    };
    config.route.iter().find_map(text)
}

fn found(source: &Source, vouched: &Vouched, headers: &Headers) -> Option<Json> {
    let text = |text: &str| Some(text).filter(|t| !t.is_empty()).map(|t| Json::String(t.to_owned()));
    match source {
        Source::Metadata { namespace, path } => at(vouched.metadata(namespace)?, path),
        Source::ContextExtension(name) => vouched.context_extensions.get(name).and_then(|t| text(t)),
        Source::Principal => vouched.principal.as_deref().and_then(text),
        Source::Header(name) => {
            let name = name.to_ascii_lowercase();
            let mut values = headers.all(&name);
            // Several values, which gateways fold with a comma: whoever added one may not be whom the operator trusts.
            values.next().filter(|value| values.next().is_none() && !value.contains(',')).and_then(text)
        }
    }
}

fn at(metadata: &Struct, path: &[String]) -> Option<Json> {
    let Some((first, rest)) = path.split_first() else { return Some(object(metadata)) };
    let value = metadata.fields.get(first)?;
    match (&value.kind, rest) {
        (_, []) => Some(json(value)),
        (Some(Kind::StructValue(inner)), rest) => at(inner, rest),
        _ => None,
    }
}

/// A text is a subject; claims name it in `sub`, and whoever acts for it in `act`.
pub(super) fn claimed(found: Json) -> Caller {
    if let Json::String(subject) = found {
        return Caller { subject: Some(Subject(subject)), ..Caller::anonymous() };
    }
    let subject = |claims: &Json| claims.get("sub").and_then(Json::as_str).map(|sub| Subject(sub.to_owned()));
    let chain = std::iter::successors(found.get("act"), |actor| actor.get("act")).take(MAX_ACTORS);
    let actors = chain.filter_map(subject).collect();
    Caller { subject: subject(&found), actors, claims: found, credential: None }
}

fn object(of: &Struct) -> Json {
    Json::Object(of.fields.iter().map(|(name, value)| (name.clone(), json(value))).collect())
}

fn json(value: &Value) -> Json {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(is)) => Json::Bool(*is),
        // `Display` of a whole f64 has no fraction, so that `exp` and the like stay integers for rules.
        Some(Kind::NumberValue(number)) if number.is_finite() => Json::Number(number.to_string()),
        Some(Kind::NumberValue(_)) => Json::Null,
        Some(Kind::StringValue(text)) => Json::String(text.clone()),
        Some(Kind::ListValue(list)) => Json::Array(list.values.iter().map(json).collect()),
        Some(Kind::StructValue(inner)) => object(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ext_authz::proto::{AttributeContext, CheckRequest, Metadata, attribute_context};
    use crate::ext_authz::request;

    fn value(kind: Kind) -> Value {
        Value { kind: Some(kind) }
    }

    fn fields(fields: &[(&str, Kind)]) -> Struct {
        Struct {
            fields: fields.iter().map(|(name, kind)| ((*name).to_owned(), value(kind.clone()))).collect(),
        }
    }

    fn text(text: &str) -> Kind {
        Kind::StringValue(text.to_owned())
    }

    fn vouched(namespace: &str, metadata: Struct) -> Vouched {
        let request = attribute_context::Request {
            http: Some(attribute_context::HttpRequest::default()),
            ..attribute_context::Request::default()
        };
        let attributes = AttributeContext {
            request: Some(request),
            source: Some(attribute_context::Peer {
                principal: "spiffe://mesh/agent".to_owned(),
                ..attribute_context::Peer::default()
            }),
            context_extensions: [("route".to_owned(), "privileged".to_owned())].into(),
            metadata_context: Some(Metadata { filter_metadata: [(namespace.to_owned(), metadata)].into() }),
            ..AttributeContext::default()
        };
        request::read(CheckRequest { attributes: Some(Box::new(attributes)) }).unwrap().1
    }

    fn jwt() -> Vouched {
        let coach =
            fields(&[("sub", text("coach")), ("act", Kind::StructValue(fields(&[("sub", text("butler"))])))]);
        let claims = fields(&[
            ("sub", text("alice")),
            ("exp", Kind::NumberValue(1_800_000_000.0)),
            ("act", Kind::StructValue(coach)),
        ]);
        vouched("envoy.filters.http.jwt_authn", fields(&[("jwt_payload", Kind::StructValue(claims))]))
    }

    #[test]
    fn by_default_the_caller_is_whom_the_verified_jwt_names_with_the_whole_chain_of_actors() {
        let config = IdentityConfig::default();
        let caller = caller(&config, &jwt(), &Headers::default());
        assert_eq!(caller.subject, Some(Subject("alice".into())));
        assert_eq!(caller.actors, [Subject("coach".into()), Subject("butler".into())]);
        assert_eq!(caller.claims.get("exp"), Some(&Json::Number("1800000000".into())));
        assert_eq!(route(&config, &jwt(), &Headers::default()).as_deref(), Some("privileged"));
    }

    #[test]
    fn a_header_that_nobody_named_makes_nobody_a_caller() {
        let headers =
            Headers(vec![("authorization".into(), "Bearer x".into()), ("x-user".into(), "eve".into())]);
        let config = IdentityConfig::default();
        let nobody = caller(&config, &vouched("other", fields(&[("sub", text("eve"))])), &headers);
        assert_eq!((&nobody.subject, &nobody.actors), (&None, &Vec::new()));
        assert_ne!(nobody.key(), Caller::anonymous().key(), "what they present tells them from others");
    }

    #[test]
    fn the_first_source_that_names_one_counts() {
        let config = IdentityConfig {
            caller: vec![
                Source::Header("X-User".into()),
                Source::Metadata { namespace: "approval".into(), path: vec!["sub".into()] },
                Source::Principal,
            ],
            route: vec![],
        };
        let vouched = vouched("approval", fields(&[("sub", text("u1"))]));
        let who = |headers: &[(&str, &str)]| {
            let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            caller(&config, &vouched, &Headers(headers)).subject.unwrap().0
        };
        assert_eq!(who(&[("x-user", "named")]), "named");
        assert_eq!(who(&[]), "u1");
        assert_eq!(who(&[("x-user", "a"), ("x-user", "b")]), "u1", "two values are no word of the gateway's");
        assert_eq!(who(&[("x-user", "a,b")]), "u1", "nor are two that were folded");
    }
}
