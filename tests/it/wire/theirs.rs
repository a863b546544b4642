//! The same messages, by Envoy's own definitions.

use std::collections::HashMap;

use envoy_types::pb::{
    envoy::{config::core::v3 as core, service::auth::v3 as auth, r#type::v3 as http},
    google,
};

pub fn request() -> auth::CheckRequest {
    let peer = |address: &str, port, principal: &str| auth::attribute_context::Peer {
        address: Some(core::Address {
            address: Some(core::address::Address::SocketAddress(core::SocketAddress {
                address: address.into(),
                port_specifier: Some(core::socket_address::PortSpecifier::PortValue(port)),
                ..Default::default()
            })),
        }),
        principal: principal.into(),
        ..Default::default()
    };
    let metadata = |namespace: &str, text: &str| core::Metadata {
        filter_metadata: HashMap::from([(namespace.into(), structure(text))]),
        ..Default::default()
    };
    auth::CheckRequest {
        attributes: Some(auth::AttributeContext {
            source: Some(peer("10.0.0.1", 1111, "spiffe://source")),
            destination: Some(peer("10.0.0.2", 2222, "spiffe://destination")),
            request: Some(auth::attribute_context::Request {
                time: Some(google::protobuf::Timestamp { seconds: 17, nanos: 4 }),
                http: Some(auth::attribute_context::HttpRequest {
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
                    header_map: Some(core::HeaderMap { headers: vec![header()] }),
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

pub fn denial() -> auth::CheckResponse {
    auth::CheckResponse {
        status: Some(google::rpc::Status { code: 7, message: "denied".into(), details: vec![] }),
        http_response: Some(auth::check_response::HttpResponse::DeniedResponse(auth::DeniedHttpResponse {
            status: Some(http::HttpStatus { code: http::StatusCode::TooManyRequests.into() }),
            headers: vec![header_option()],
            body: "no".into(),
        })),
        dynamic_metadata: Some(structure("c")),
    }
}

pub fn allowance() -> auth::CheckResponse {
    auth::CheckResponse {
        status: Some(google::rpc::Status::default()),
        http_response: Some(auth::check_response::HttpResponse::OkResponse(auth::OkHttpResponse {
            headers: vec![header_option()],
            headers_to_remove: vec!["x-holdpoint-forged".into()],
            ..Default::default()
        })),
        dynamic_metadata: None,
    }
}

fn header() -> core::HeaderValue {
    core::HeaderValue { key: "x-key".into(), value: "text".into(), raw_value: vec![0xfe] }
}

#[expect(deprecated, reason = "some gateways still read `append`")]
fn header_option() -> core::HeaderValueOption {
    core::HeaderValueOption {
        header: Some(header()),
        append: Some(google::protobuf::BoolValue { value: true }),
        append_action: core::header_value_option::HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        ..Default::default()
    }
}

pub fn structure(text: &str) -> google::protobuf::Struct {
    let value =
        google::protobuf::Value { kind: Some(google::protobuf::value::Kind::StringValue(text.into())) };
    google::protobuf::Struct { fields: HashMap::from([("key".into(), value)]) }
}
