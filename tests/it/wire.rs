//! Our few messages and Envoy's many are the same on the wire, and what the gateways send is read as it is meant.

use std::collections::BTreeMap;

use envoy_types::pb::envoy::{service::auth::v3 as their_auth, r#type::v3 as their_type};
use holdpoint::ext_authz::{
    proto::{self, attribute_context},
    request::{self, Body, HttpRequest, Unclear, Vouched},
};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};

mod ours;
mod theirs;

/// Writes one message and reads it as the other.
fn resent<To: Message + Default>(from: &impl Message) -> To {
    To::decode(from.encode_to_vec().as_slice()).expect("the other side reads it")
}

#[test]
fn a_check_request_is_the_same_in_both() {
    assert_eq!(resent::<proto::CheckRequest>(&theirs::request()), ours::request());
    assert_eq!(resent::<their_auth::CheckRequest>(&ours::request()), theirs::request());
}

#[test]
fn a_denial_is_the_same_in_both() {
    assert_eq!(resent::<proto::CheckResponse>(&theirs::denial()), ours::denial());
    assert_eq!(resent::<their_auth::CheckResponse>(&ours::denial()), theirs::denial());
}

#[test]
fn an_allowance_is_the_same_in_both() {
    assert_eq!(resent::<proto::CheckResponse>(&theirs::allowance()), ours::allowance());
    assert_eq!(resent::<their_auth::CheckResponse>(&ours::allowance()), theirs::allowance());
}

#[test]
fn what_envoy_adds_and_we_do_not_use_is_skipped() {
    let mut request = theirs::request();
    let attributes = request.attributes.as_mut().unwrap();
    attributes.tls_session = Some(their_auth::attribute_context::TlsSession { sni: "sni".into() });
    attributes.source.as_mut().unwrap().certificate = "pem".into();
    assert_eq!(resent::<proto::CheckRequest>(&request), ours::request());
}

#[test]
fn names_and_numbers_of_http_statuses_are_envoys() {
    for ours in [0, 200, 400, 403, 413, 429, 503].map(|code| proto::StatusCode::try_from(code).unwrap()) {
        assert_eq!(
            Ok(ours.as_str_name()),
            their_type::StatusCode::try_from(ours as i32).map(|s| s.as_str_name())
        );
    }
}

// === What the gateways really send ===

#[test]
fn the_check_of_envoy_with_a_legacy_client_is_read() {
    let (http, vouched) = read(sample(include_str!("../samples/checkrequest-envoy-legacy.json")));
    assert_eq!(
        (http.method.as_str(), http.path.as_str(), http.host.as_str()),
        ("POST", "/mcp", "127.0.0.1:21000")
    );
    assert_eq!(http.headers.all("mcp-session-id").collect::<Vec<_>>(), ["b62620bf8eca4a81aba5cc2902967296"]);
    assert_eq!(http.headers.0.len(), 14);
    assert_body_is_whole(&http);
    assert_eq!((vouched.context_extensions.get("route"), vouched.principal.as_deref()), (None, None));
}

#[test]
fn the_check_of_envoy_with_a_modern_client_is_read() {
    let (http, _) = read(sample(include_str!("../samples/checkrequest-envoy-modern.json")));
    assert_eq!(http.headers.all("mcp-method").collect::<Vec<_>>(), ["tools/call"]);
    assert_body_is_whole(&http);
}

#[test]
fn the_check_of_agentgateway_is_read() {
    let (http, vouched) = read(sample(include_str!("../samples/checkrequest-agentgateway.json")));
    assert_eq!(
        (http.method.as_str(), http.path.as_str(), http.host.as_str()),
        ("POST", "/mcp", "127.0.0.1:3000")
    );
    assert_body_is_whole(&http);
    assert_eq!(vouched.context_extensions["tenant"], "acme");
    let route = &vouched.metadata("custom").expect("the namespace is there").fields["route"];
    assert_eq!(route.kind, Some(prost_types::value::Kind::StringValue("mcp".into())));
    assert_eq!(vouched.metadata("envoy.filters.http.jwt_authn"), None);
}

fn read(check: proto::CheckRequest) -> (HttpRequest, Vouched) {
    request::read(check).expect("a clear request")
}

fn assert_body_is_whole(http: &HttpRequest) {
    assert!(matches!(http.body, Body::Text(_)));
    assert_eq!(http.body.bytes().len() as i64, http.size);
}

/// A CheckRequest in the JSON form of protobuf.
fn sample(json: &str) -> proto::CheckRequest {
    let pool = DescriptorPool::decode(proto::FILE_DESCRIPTORS).expect("our descriptors are whole");
    let check = pool.get_message_by_name("envoy.service.auth.v3.CheckRequest").expect("it is in there");
    let mut json = serde_json::Deserializer::from_str(json);
    DynamicMessage::deserialize(check, &mut json)
        .expect("the sample fits")
        .transcode_to()
        .expect("same message")
}

// === Reading a Check ===

/// A Check in the form that Envoy gives it with `encode_raw_headers` and `pack_as_bytes`.
fn raw_check() -> attribute_context::HttpRequest {
    let header = |key: &str, value: &str, raw: &[u8]| proto::HeaderValue {
        key: key.into(),
        value: value.into(),
        raw_value: raw.into(),
    };
    attribute_context::HttpRequest {
        raw_body: b"{\xff}".into(),
        size: 3,
        header_map: Some(proto::HeaderMap {
            headers: vec![
                header("X-Tag", "", b"first"),
                header("x-tag", "second", b""),
                header("x-raw", "not this", b"this"),
                header("x-odd", "", b"a\xffb"),
            ],
        }),
        ..Default::default()
    }
}

fn check(http: attribute_context::HttpRequest) -> proto::CheckRequest {
    let request = attribute_context::Request { http: Some(http), time: None };
    let attributes = proto::AttributeContext { request: Some(request), ..Default::default() };
    proto::CheckRequest { attributes: Some(Box::new(attributes)) }
}

#[test]
fn raw_headers_keep_their_order_and_get_lower_case_names() {
    let (http, _) = read(check(raw_check()));
    let expected = [("x-tag", "first"), ("x-tag", "second"), ("x-raw", "this"), ("x-odd", "a\u{fffd}b")];
    assert_eq!(http.headers.0, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn a_raw_body_keeps_every_byte() {
    let (http, _) = read(check(raw_check()));
    assert!(matches!(http.body, Body::Raw(bytes) if bytes == b"{\xff}"));
}

#[test]
fn what_the_gateway_vouches_for_is_kept_apart() {
    let (_, vouched) = {
        let mut request = ours::request();
        let http = request.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap();
        (http.raw_body, http.header_map) = (Vec::new(), None);
        read(request)
    };
    assert_eq!(vouched.context_extensions.get("route").map(String::as_str), Some("privileged"));
    assert_eq!(vouched.principal.as_deref(), Some("spiffe://source"));
    assert_eq!(vouched.metadata("filter"), Some(&ours::structure("a")));
    assert_eq!(vouched.metadata("route"), None);
    assert_eq!(vouched.route_metadata("route"), Some(&ours::structure("b")));
}

#[test]
fn a_check_that_could_be_read_in_two_ways_is_refused() {
    let refused = |check| request::read(check).err();
    assert_eq!(refused(proto::CheckRequest::default()), Some(Unclear::NoRequest));
    let without_http = proto::AttributeContext { request: Some(Default::default()), ..Default::default() };
    assert_eq!(
        refused(proto::CheckRequest { attributes: Some(Box::new(without_http)) }),
        Some(Unclear::NoRequest)
    );
    let bodies = attribute_context::HttpRequest { body: "{}".into(), ..raw_check() };
    assert_eq!(refused(check(bodies)), Some(Unclear::TwoBodies));
    let headers = BTreeMap::from([("x-tag".to_owned(), "third".to_owned())]);
    let lists = attribute_context::HttpRequest { headers, ..raw_check() };
    assert_eq!(refused(check(lists)), Some(Unclear::TwoHeaderLists));
}
