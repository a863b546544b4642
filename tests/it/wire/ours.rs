//! One message of each kind, by our definitions. Without `..Default::default()`: a field that is added and not tested does
//! not compile.

use std::collections::BTreeMap;

use holdpoint::ext_authz::proto::{self, attribute_context, check_response};

pub fn request() -> proto::CheckRequest {
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
        filter_metadata: BTreeMap::from([(namespace.into(), structure(text))]),
    };
    proto::CheckRequest {
        attributes: Some(Box::new(proto::AttributeContext {
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
                    header_map: Some(proto::HeaderMap { headers: vec![header()] }),
                }),
            }),
            context_extensions: BTreeMap::from([("route".into(), "privileged".into())]),
            metadata_context: Some(metadata("filter", "a")),
            route_metadata_context: Some(metadata("route", "b")),
        })),
    }
}

pub fn denial() -> proto::CheckResponse {
    proto::CheckResponse {
        status: Some(proto::Status { code: 7, message: "denied".into() }),
        http_response: Some(check_response::HttpResponse::DeniedResponse(proto::DeniedHttpResponse {
            status: Some(proto::HttpStatus { code: proto::StatusCode::TooManyRequests.into() }),
            headers: vec![header_option()],
            body: "no".into(),
        })),
        dynamic_metadata: Some(structure("c")),
    }
}

pub fn allowance() -> proto::CheckResponse {
    proto::CheckResponse {
        status: Some(proto::Status { code: 0, message: String::new() }),
        http_response: Some(check_response::HttpResponse::OkResponse(proto::OkHttpResponse {
            headers: vec![header_option()],
            headers_to_remove: vec!["x-holdpoint-forged".into()],
        })),
        dynamic_metadata: None,
    }
}

fn header() -> proto::HeaderValue {
    proto::HeaderValue { key: "x-key".into(), value: "text".into(), raw_value: vec![0xfe] }
}

fn header_option() -> proto::HeaderValueOption {
    proto::HeaderValueOption {
        header: Some(header()),
        append: Some(true),
        append_action: proto::header_value_option::HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
    }
}

pub fn structure(text: &str) -> prost_types::Struct {
    let value = prost_types::Value { kind: Some(prost_types::value::Kind::StringValue(text.into())) };
    prost_types::Struct { fields: BTreeMap::from([("key".into(), value)]) }
}
