//! Our few messages and Envoy's many are the same on the wire.
//!
//! The values of ours are written without `..Default::default()`: a field that is added and not tested does not compile.

use std::collections::{BTreeMap, HashMap};

use envoy_types::pb::{
    envoy::{config::core::v3 as their_core, service::auth::v3 as their_auth, r#type::v3 as their_type},
    google as their_google,
};
use holdpoint::ext_authz::{
    proto::{self, attribute_context, check_response},
    request::{self, Body, HttpRequest, Unclear, Vouched},
};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};

/// Writes one message and reads it as the other.
fn resent<To: Message + Default>(from: &impl Message) -> To {
    To::decode(from.encode_to_vec().as_slice()).expect("the other side reads it")
}

#[test]
fn a_check_request_is_the_same_in_both() {
    assert_eq!(resent::<proto::CheckRequest>(&their_request()), our_request());
    assert_eq!(resent::<their_auth::CheckRequest>(&our_request()), their_request());
}

#[test]
fn a_denial_is_the_same_in_both() {
    assert_eq!(resent::<proto::CheckResponse>(&their_denial()), our_denial());
    assert_eq!(resent::<their_auth::CheckResponse>(&our_denial()), their_denial());
}

#[test]
fn an_allowance_is_the_same_in_both() {
    assert_eq!(resent::<proto::CheckResponse>(&their_allowance()), our_allowance());
    assert_eq!(resent::<their_auth::CheckResponse>(&our_allowance()), their_allowance());
}

#[test]
fn what_envoy_adds_and_we_do_not_use_is_skipped() {
    let mut request = their_request();
    let attributes = request.attributes.as_mut().unwrap();
    attributes.tls_session = Some(their_auth::attribute_context::TlsSession { sni: "sni".into() });
    attributes.source.as_mut().unwrap().certificate = "pem".into();
    assert_eq!(resent::<proto::CheckRequest>(&request), our_request());
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
    assert_eq!((vouched.route(), vouched.principal.as_deref()), (None, None));
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
    proto::CheckRequest { attributes: Some(attributes) }
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
        let mut request = our_request();
        let http = request.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap();
        (http.raw_body, http.header_map) = (Vec::new(), None);
        read(request)
    };
    assert_eq!(vouched.route(), Some("privileged"));
    assert_eq!(vouched.principal.as_deref(), Some("spiffe://source"));
    assert_eq!(vouched.metadata("filter"), Some(&our_struct("a")));
    assert_eq!(vouched.metadata("route"), None);
    assert_eq!(vouched.route_metadata("route"), Some(&our_struct("b")));
}

#[test]
fn a_check_that_could_be_read_in_two_ways_is_refused() {
    let refused = |check| request::read(check).err();
    assert_eq!(refused(proto::CheckRequest::default()), Some(Unclear::NoRequest));
    let without_http = proto::AttributeContext { request: Some(Default::default()), ..Default::default() };
    assert_eq!(refused(proto::CheckRequest { attributes: Some(without_http) }), Some(Unclear::NoRequest));
    let bodies = attribute_context::HttpRequest { body: "{}".into(), ..raw_check() };
    assert_eq!(refused(check(bodies)), Some(Unclear::TwoBodies));
    let headers = BTreeMap::from([("x-tag".to_owned(), "third".to_owned())]);
    let lists = attribute_context::HttpRequest { headers, ..raw_check() };
    assert_eq!(refused(check(lists)), Some(Unclear::TwoHeaderLists));
}

// === The same messages, by us ===

fn our_request() -> proto::CheckRequest {
    let peer = |address: &str, port, principal: &str| proto::attribute_context::Peer {
        address: Some(proto::Address {
            address: Some(proto::address::Address::SocketAddress(proto::SocketAddress {
                address: address.into(),
                port_specifier: Some(proto::socket_address::PortSpecifier::PortValue(port)),
            })),
        }),
        principal: principal.into(),
    };
    let metadata = |namespace: &str, text: &str| proto::Metadata {
        filter_metadata: BTreeMap::from([(namespace.into(), our_struct(text))]),
    };
    proto::CheckRequest {
        attributes: Some(proto::AttributeContext {
            source: Some(peer("10.0.0.1", 1111, "spiffe://source")),
            destination: Some(peer("10.0.0.2", 2222, "spiffe://destination")),
            request: Some(attribute_context::Request {
                time: Some(prost_types::Timestamp { seconds: 17, nanos: 4 }),
                http: Some(attribute_context::HttpRequest {
                    id: "stream".into(),
                    method: "POST".into(),
                    headers: BTreeMap::from([("x-name".into(), "value".into())]),
                    path: "/mcp?a=b".into(),
                    host: "host:80".into(),
                    scheme: "https".into(),
                    size: -1,
                    protocol: "HTTP/1.1".into(),
                    body: "{}".into(),
                    raw_body: vec![0xff, 0],
                    header_map: Some(proto::HeaderMap { headers: vec![our_header()] }),
                }),
            }),
            context_extensions: BTreeMap::from([("route".into(), "privileged".into())]),
            metadata_context: Some(metadata("filter", "a")),
            route_metadata_context: Some(metadata("route", "b")),
        }),
    }
}

fn our_denial() -> proto::CheckResponse {
    proto::CheckResponse {
        status: Some(proto::Status { code: 7, message: "denied".into() }),
        http_response: Some(check_response::HttpResponse::DeniedResponse(proto::DeniedHttpResponse {
            status: Some(proto::HttpStatus { code: proto::StatusCode::TooManyRequests.into() }),
            headers: vec![our_header_option()],
            body: "no".into(),
        })),
        dynamic_metadata: Some(our_struct("c")),
    }
}

fn our_allowance() -> proto::CheckResponse {
    proto::CheckResponse {
        status: Some(proto::Status { code: 0, message: String::new() }),
        http_response: Some(check_response::HttpResponse::OkResponse(proto::OkHttpResponse {
            headers: vec![our_header_option()],
            headers_to_remove: vec!["x-holdpoint-forged".into()],
        })),
        dynamic_metadata: None,
    }
}

fn our_header() -> proto::HeaderValue {
    proto::HeaderValue { key: "x-key".into(), value: "text".into(), raw_value: vec![0xfe] }
}

fn our_header_option() -> proto::HeaderValueOption {
    proto::HeaderValueOption {
        header: Some(our_header()),
        append: Some(true),
        append_action: proto::header_value_option::HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
    }
}

fn our_struct(text: &str) -> prost_types::Struct {
    let value = prost_types::Value { kind: Some(prost_types::value::Kind::StringValue(text.into())) };
    prost_types::Struct { fields: BTreeMap::from([("key".into(), value)]) }
}

// === The same messages, by Envoy's own definitions ===

fn their_request() -> their_auth::CheckRequest {
    let peer = |address: &str, port, principal: &str| their_auth::attribute_context::Peer {
        address: Some(their_core::Address {
            address: Some(their_core::address::Address::SocketAddress(their_core::SocketAddress {
                address: address.into(),
                port_specifier: Some(their_core::socket_address::PortSpecifier::PortValue(port)),
                ..Default::default()
            })),
        }),
        principal: principal.into(),
        ..Default::default()
    };
    let metadata = |namespace: &str, text: &str| their_core::Metadata {
        filter_metadata: HashMap::from([(namespace.into(), their_struct(text))]),
        ..Default::default()
    };
    their_auth::CheckRequest {
        attributes: Some(their_auth::AttributeContext {
            source: Some(peer("10.0.0.1", 1111, "spiffe://source")),
            destination: Some(peer("10.0.0.2", 2222, "spiffe://destination")),
            request: Some(their_auth::attribute_context::Request {
                time: Some(their_google::protobuf::Timestamp { seconds: 17, nanos: 4 }),
                http: Some(their_auth::attribute_context::HttpRequest {
                    id: "stream".into(),
                    method: "POST".into(),
                    headers: HashMap::from([("x-name".into(), "value".into())]),
                    path: "/mcp?a=b".into(),
                    host: "host:80".into(),
                    scheme: "https".into(),
                    size: -1,
                    protocol: "HTTP/1.1".into(),
                    body: "{}".into(),
                    raw_body: vec![0xff, 0],
                    header_map: Some(their_core::HeaderMap { headers: vec![their_header()] }),
                    ..Default::default()
                }),
            }),
            context_extensions: HashMap::from([("route".into(), "privileged".into())]),
            metadata_context: Some(metadata("filter", "a")),
            route_metadata_context: Some(metadata("route", "b")),
            ..Default::default()
        }),
    }
}

fn their_denial() -> their_auth::CheckResponse {
    their_auth::CheckResponse {
        status: Some(their_google::rpc::Status { code: 7, message: "denied".into(), details: vec![] }),
        http_response: Some(their_auth::check_response::HttpResponse::DeniedResponse(
            their_auth::DeniedHttpResponse {
                status: Some(their_type::HttpStatus { code: their_type::StatusCode::TooManyRequests.into() }),
                headers: vec![their_header_option()],
                body: "no".into(),
            },
        )),
        dynamic_metadata: Some(their_struct("c")),
    }
}

fn their_allowance() -> their_auth::CheckResponse {
    their_auth::CheckResponse {
        status: Some(their_google::rpc::Status::default()),
        http_response: Some(their_auth::check_response::HttpResponse::OkResponse(
            their_auth::OkHttpResponse {
                headers: vec![their_header_option()],
                headers_to_remove: vec!["x-holdpoint-forged".into()],
                ..Default::default()
            },
        )),
        dynamic_metadata: None,
    }
}

fn their_header() -> their_core::HeaderValue {
    their_core::HeaderValue { key: "x-key".into(), value: "text".into(), raw_value: vec![0xfe] }
}

#[expect(deprecated, reason = "some gateways still read `append`")]
fn their_header_option() -> their_core::HeaderValueOption {
    their_core::HeaderValueOption {
        header: Some(their_header()),
        append: Some(their_google::protobuf::BoolValue { value: true }),
        append_action: their_core::header_value_option::HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..Default::default()
    }
}

fn their_struct(text: &str) -> their_google::protobuf::Struct {
    let value = their_google::protobuf::Value {
        kind: Some(their_google::protobuf::value::Kind::StringValue(text.into())),
    };
    their_google::protobuf::Struct { fields: HashMap::from([("key".into(), value)]) }
}
