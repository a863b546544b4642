use super::{Unreadable, Why, read};
use crate::domain::json::Json;
use crate::domain::message::{Asked, Message};
use crate::ext_authz::request::{Body, Headers, HttpRequest};

const MAX: usize = 4096;
const CALL: &str = r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"transfer","arguments":{"to":"DE-1","amount":5}}}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":3,"method":"tools/list"}"#;

fn post(body: &str) -> HttpRequest {
    request("POST", body.as_bytes()).with("content-type", "application/json")
}

fn request(method: &str, body: &[u8]) -> HttpRequest {
    let (size, body) = (body.len() as i64, Body::Raw(body.to_vec()));
    HttpRequest { method: method.to_owned(), path: "/mcp".to_owned(), body, size, ..HttpRequest::default() }
}

impl HttpRequest {
    fn with(mut self, name: &str, value: &str) -> HttpRequest {
        self.headers.0.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> HttpRequest {
        self.headers.0.retain(|(n, _)| n != name);
        self
    }
}

fn asked(request: &HttpRequest) -> Asked {
    read(request, MAX).unwrap_or_else(|e| panic!("refused: {e}"))
}

fn message(request: &HttpRequest) -> Message {
    match asked(request) {
        Asked::Message(message) => message,
        other => panic!("no message: {other:?}"),
    }
}

fn refused(request: &HttpRequest) -> Unreadable {
    read(request, MAX).expect_err("must be refused")
}

#[track_caller]
fn assert_mismatch(request: &HttpRequest) {
    let refused = refused(request);
    assert_eq!(
        (refused.reason_code(), refused.http_status(), refused.rpc_code()),
        ("header_mismatch", 400, -32020),
        "{refused}"
    );
}

#[test]
fn a_call_is_read_as_it_was_sent() {
    let body = r#"{"method":"tools\/call","id":1.0,"params":{"name":"a\u0062","_meta":{"z":1},"arguments":{"n":1e2}}}"#;
    let message = message(&post(body));
    assert_eq!(message.id.unwrap().text(), "1.0");
    assert_eq!(message.params.text(), r#"{"name":"ab","_meta":{"z":1},"arguments":{"n":1e2}}"#);
    let tool = message.tool.unwrap();
    assert_eq!((tool.name.as_str(), tool.arguments.text().as_str()), ("ab", r#"{"n":1e2}"#));
}

#[test]
fn a_call_is_a_call_whatever_else_is_there() {
    for more in
        [r#""result":{}"#, r#""error":{"code":1}"#, r#""jsonrpc":"1.0""#, r#""id":null"#, r#""id":{}"#]
    {
        let body = format!(r#"{{{more},"method":"tools/call","params":{{"name":"t"}}}}"#);
        assert_eq!(message(&post(&body)).tool.unwrap().arguments, Json::empty_object(), "{body}");
    }
}

#[test]
fn other_methods_are_messages_without_a_tool() {
    let list = message(&post(LIST));
    assert_eq!(
        (list.method.as_str(), &list.params, &list.tool),
        ("tools/list", &Json::empty_object(), &None)
    );
    let note = message(&post(r#"{"method":"notifications/initialized","params":null}"#));
    assert_eq!((note.id, note.params), (None, Json::Null));
}

#[test]
fn answers_of_the_client_are_responses() {
    assert_eq!(asked(&post(r#"{"jsonrpc":"2.0","id":0,"result":{}}"#)), Asked::Response);
    assert_eq!(
        asked(&post(r#"{"jsonrpc":"2.0","id":0,"error":{"code":-1,"message":"no"}}"#)),
        Asked::Response
    );
}

#[test]
fn what_is_no_message_is_refused() {
    for body in [
        "1",
        "null",
        "\"tools/call\"",
        "{}",
        r#"{"id":1}"#,
        r#"{"method":7,"result":{}}"#,
        r#"{"method":null}"#,
    ] {
        let refused = refused(&post(body));
        assert_eq!(
            (refused.reason_code(), refused.http_status(), refused.rpc_code()),
            ("unreadable", 400, -32600)
        );
    }
    for body in ["[]", &format!("[{CALL}]"), &format!("[{LIST},{CALL}]")] {
        let refused = refused(&post(body));
        assert_eq!((refused.reason_code(), refused.rpc_code(), refused.id), ("batch", -32600, None));
    }
    for body in [&format!("{LIST}\n{CALL}"), "{", r#"{"method":"ping","method":"tools/call"}"#, "\u{feff}{}"]
    {
        let refused = refused(&post(body));
        assert_eq!((refused.reason_code(), refused.rpc_code(), refused.id), ("unreadable", -32700, None));
    }
}

#[test]
fn a_call_that_leaves_open_what_it_calls_is_refused() {
    for params in [
        "1",
        "null",
        "[]",
        "{}",
        r#"{"name":7}"#,
        r#"{"name":null}"#,
        r#"{"arguments":{}}"#,
        r#"{"name":"t","arguments":[]}"#,
        r#"{"name":"t","arguments":null}"#,
        r#"{"name":"t","arguments":"{}"}"#,
    ] {
        let refused = refused(&post(&format!(r#"{{"id":"a","method":"tools/call","params":{params}}}"#)));
        assert!(matches!(refused.why, Why::Params(_)), "{params}");
        assert_eq!((refused.rpc_code(), refused.id), (-32602, Some(Json::String("a".to_owned()))));
    }
    assert!(matches!(refused(&post(r#"{"id":1,"method":"tools/call"}"#)).why, Why::Params(_)));
}

#[test]
fn members_that_a_careless_server_takes_for_others_are_refused() {
    for body in [
        r#"{"method":"tools/list","Method":"tools/call"}"#,
        r#"{"METHOD":"tools/call","result":{}}"#,
        r#"{"method":"tools/call","params":{"name":"a"},"param\u017f":{"name":"b"}}"#,
        r#"{"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
        r#"{"method":"tools/call","params":{"name":"a","arguments":{},"ARGUMENTS":{"x":1}}}"#,
        r#"{"method":"tools/call","params":{"name":"a","ta\u017f\u212a":{}}}"#,
    ] {
        assert!(matches!(refused(&post(body)).why, Why::LookAlike { .. }), "{body}");
    }
    let own = r#"{"method":"tools/call","params":{"name":"a","arguments":{"name":1,"Name":2,"Method":"x"}}}"#;
    assert!(message(&post(own)).tool.is_some());
}

#[test]
fn the_id_is_echoed_only_where_it_is_one() {
    let broken = |id: &str| refused(&post(&format!(r#"{{"id":{id},"method":1}}"#))).id.map(|id| id.text());
    assert_eq!(broken("0").as_deref(), Some("0"));
    assert_eq!(broken("123456789012345678901").as_deref(), Some("123456789012345678901"));
    assert_eq!(broken(r#""a\nb""#).as_deref(), Some(r#""a\nb""#));
    for id in ["null", "true", "[1]", "{}"] {
        assert_eq!(broken(id), None);
    }
}

#[test]
fn only_bodiless_requests_of_other_methods_pass() {
    for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
        let bare =
            request(method, b"").with("mcp-session-id", "s").with("mcp-protocol-version", "2025-11-25");
        assert_eq!(asked(&bare), Asked::Nothing);
        assert_eq!(asked(&bare.clone().with("content-length", "0")), Asked::Nothing);
        for with_body in [
            request(method, CALL.as_bytes()),
            HttpRequest { size: 9, ..bare.clone() },
            HttpRequest { size: -1, ..bare.clone() },
            bare.clone().with("content-length", "12"),
            bare.clone().with("transfer-encoding", "chunked"),
            bare.clone().with("x-envoy-auth-partial-body", "true"),
        ] {
            assert_eq!(refused(&with_body).why, Why::UnexpectedBody, "{with_body:?}");
        }
        assert_eq!(refused(&bare.clone().with("upgrade", "websocket")).why, Why::Upgrade);
        assert_eq!(
            refused(&bare.clone().with("content-length", "0").with("content-length", "5")).why,
            Why::Framing
        );
        assert_mismatch(&bare.clone().with("mcp-method", "tools/call"));
        assert_mismatch(&bare.with("mcp-session-id", "t"));
    }
    for method in ["PUT", "PATCH", "CONNECT", "TRACE", "post", "get", "", "POST "] {
        let refused = refused(&HttpRequest { method: method.to_owned(), ..post(LIST) });
        assert_eq!((&refused.why, refused.http_status()), (&Why::HttpMethod, 405), "{method}");
    }
    assert_eq!(refused(&post(LIST).with("upgrade", "h2c")).why, Why::Upgrade);
}

#[test]
fn a_body_that_the_gateway_did_not_show_whole_is_refused() {
    let partial = |request: HttpRequest| {
        let refused = refused(&request);
        assert_eq!((refused.reason_code(), refused.http_status()), ("partial_body", 413), "{request:?}");
    };
    partial(HttpRequest { size: -1, ..post(LIST) });
    partial(HttpRequest { size: 0, ..post(LIST) });
    partial(HttpRequest { size: LIST.len() as i64 + 1, ..post(LIST) });
    partial(post(LIST).with("content-length", "7"));
    partial(post(LIST).with("x-envoy-auth-partial-body", "true"));
    partial(post(LIST).with("x-envoy-auth-partial-body", "false").with("x-envoy-auth-partial-body", "true"));

    let length = LIST.len().to_string();
    asked(&post(LIST).with("content-length", &length).with("x-envoy-auth-partial-body", "false"));
    asked(&post(LIST).with("transfer-encoding", "chunked"));
    for framed in [
        post(LIST).with("content-length", &length).with("transfer-encoding", "chunked"),
        post(LIST).with("content-length", &length).with("content-length", &length),
        post(LIST).with("content-length", &format!("{length}, {length}")),
        post(LIST).with("content-length", &format!("+{length}")),
        post(LIST).with("content-length", ""),
        post(LIST).with("transfer-encoding", "gzip, chunked"),
    ] {
        assert_eq!(refused(&framed).why, Why::Framing, "{framed:?}");
    }
}

#[test]
fn a_post_without_a_body_is_refused() {
    let empty = HttpRequest { body: Body::Empty, ..post("") };
    assert_eq!(refused(&empty).why, Why::NoBody);
    for unseen in [
        empty.clone().with("content-length", "40"),
        empty.clone().with("transfer-encoding", "chunked"),
        HttpRequest { size: 40, ..empty.clone() },
        HttpRequest { size: -1, ..empty.clone() },
    ] {
        let refused = refused(&unseen);
        assert_eq!((refused.reason_code(), refused.http_status()), ("partial_body", 403));
        for setting in ["with_request_body", "includeRequestBody", "forwardBody"] {
            assert!(refused.to_string().contains(setting));
        }
    }
}

#[test]
fn a_body_above_the_limit_is_refused() {
    let padded = |len: usize| format!("{LIST}{}", " ".repeat(len - LIST.len()));
    asked(&post(&padded(MAX)));
    let refused = refused(&post(&padded(MAX + 1)));
    assert_eq!((refused.why.clone(), refused.http_status()), (Why::TooLarge { max: MAX }, 413));
}

#[test]
fn a_decoded_body_that_may_have_lost_bytes_is_refused() {
    let decoded = |text: &str| {
        let body = Body::Text(text.to_owned());
        HttpRequest { body, ..post(text) }
    };
    asked(&decoded(r#"{"method":"ping","x":"é\ufffd"}"#));
    assert_eq!(refused(&decoded("{\"method\":\"ping\",\"x\":\"\u{FFFD}\"}")).why, Why::Decoded);
    asked(&post("{\"method\":\"ping\",\"x\":\"\u{FFFD}\"}"));
}

#[test]
fn only_plain_json_in_utf_8_is_read() {
    let typed = |content_type: &str| post(LIST).without("content-type").with("content-type", content_type);
    for fine in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json ;\tcharset=\"utf-8\"",
    ] {
        asked(&typed(fine));
    }
    for odd in [
        "",
        "text/plain",
        "application/jsonx",
        "application/json-rpc",
        "application/vnd.api+json",
        "application/json;",
        "application/json; charset=utf-16",
        "application/json; charset=utf-7",
        "application/json; charset=latin1",
        "application/json; charset=utf-8; charset=utf-16",
        "application/json; boundary=x",
        "application/json;;charset=utf-8",
        "application/json, application/json",
        "application/json; charset='utf-8'",
        "application/json; charset=utf-8x",
        "application/json; charset = utf-8",
        "application/json\u{a0}",
    ] {
        let refused = refused(&typed(odd));
        assert_eq!((&refused.why, refused.http_status()), (&Why::ContentType, 415), "{odd}");
    }
    assert_eq!(refused(&post(LIST).without("content-type")).why, Why::ContentType);
    assert_eq!(refused(&post(LIST).with("content-type", "application/json")).why, Why::ContentType);

    asked(&post(LIST).with("content-encoding", "identity"));
    for coding in ["gzip", "br", "identity, gzip", "", "x"] {
        assert_eq!(refused(&post(LIST).with("content-encoding", coding)).why, Why::ContentEncoding);
    }
    let twice = post(LIST).with("content-encoding", "identity").with("content-encoding", "gzip");
    assert_eq!(refused(&twice).why, Why::ContentEncoding);
}

#[test]
fn headers_that_agree_with_the_body_pass() {
    let called = post(CALL).with("mcp-method", "tools/call").with("mcp-protocol-version", "2026-07-28");
    asked(&called.clone().with("mcp-name", "transfer"));
    asked(&called.clone().with("mcp-name", "=?base64?dHJhbnNmZXI=?="));
    asked(&called.clone().with("mcp-param-to", "DE-1").with("mcp-param-Amount", "5.0"));
    asked(
        &called
            .with("mcp-param-account", "=?base64?REUtMQ==?=")
            .with("mcp-session-id", "s")
            .with("mcp-other", "x"),
    );

    let read = post(r#"{"method":"resources/read","params":{"uri":"file:///a"}}"#);
    asked(&read.with("mcp-name", "file:///a"));
    let prompt = post(r#"{"method":"prompts/get","params":{"name":"a\u00e9"}}"#);
    asked(&prompt.with("mcp-name", "=?base64?YcOp?="));
    let task = post(r#"{"method":"tasks/get","params":{"taskId":"t1"}}"#);
    asked(&task.with("mcp-name", "t1"));
    let versioned =
        r#"{"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    asked(&post(versioned).with("mcp-protocol-version", "2026-07-28"));
    assert_mismatch(&post(versioned).with("mcp-protocol-version", "2025-11-25"));
}

#[test]
fn headers_that_disagree_with_the_body_are_refused() {
    for (name, value) in [
        ("mcp-method", "tools/list"),
        ("mcp-method", "Tools/Call"),
        ("mcp-method", "tools/call, tools/call"),
        ("mcp-method", "=?base64?dG9vbHMvY2FsbA==?="),
        ("mcp-method", ""),
        ("mcp-name", "harmless"),
        ("mcp-name", "=?base64?dHJhbnNmZXI?="),
        ("mcp-name", "=?base64?dHJhbnNmZXJ=?="),
        ("mcp-name", "=?BASE64?dHJhbnNmZXI=?="),
        ("mcp-name", "=?base64?/////w==?="),
        ("mcp-param-to", "DE-2"),
        ("mcp-param-to", "5"),
        ("mcp-param-to", "=?base64?*?="),
        ("mcp-param-amount", "6"),
        ("mcp-param-amount", "+5"),
        ("mcp-param-amount", "DE-1"),
        ("mcp-param-region", "eu"),
        ("mcp-param-", "eu"),
        ("mcp-protocol-version", "2025-11-25,2026-07-28"),
        ("mcp-session-id", "a, b"),
    ] {
        let refused = refused(&post(CALL).with(name, value));
        assert_eq!(refused.reason_code(), "header_mismatch", "{name}: {value}");
        assert_eq!(refused.id.map(|id| id.text()).as_deref(), Some("3"));
    }
    for name in ["mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id", "mcp-whatever"] {
        let value = if name == "mcp-method" { "tools/call" } else { "transfer" };
        assert_mismatch(&post(CALL).with(name, value).with(name, value));
    }
    assert_mismatch(&post(LIST).with("mcp-method", "tools/call"));
    assert_mismatch(&post(LIST).with("mcp-name", "transfer"));
    assert_mismatch(&post(LIST).with("mcp-param-to", "DE-1"));
    assert_mismatch(&post(r#"{"id":1,"result":{}}"#).with("mcp-method", "tools/list"));
}

#[test]
fn large_integers_agree_only_digit_by_digit() {
    let call = post(
        r#"{"method":"tools/call","params":{"name":"t","arguments":{"n":9007199254740993,"flag":true}}}"#,
    );
    asked(&call.clone().with("mcp-param-n", "9007199254740993").with("mcp-param-flag", "true"));
    assert_mismatch(&call.clone().with("mcp-param-n", "9007199254740992"));
    assert_mismatch(&call.clone().with("mcp-param-flag", "false"));
    let nested =
        post(r#"{"method":"tools/call","params":{"name":"t","arguments":{"a":{"region":"eu"},"b":"us"}}}"#);
    asked(&nested.clone().with("mcp-param-region", "eu"));
    assert_mismatch(&nested.with("mcp-param-region", "us"));
}

/// What gateways really send.
#[test]
fn recorded_requests_of_gateways_are_read() {
    for (sample, tool, arguments) in [
        (
            include_str!("../../../tests/samples/checkrequest-agentgateway.json"),
            "delete_account",
            r#"{"user":"bob","reason":"ünïcode"}"#,
        ),
        (
            include_str!("../../../tests/samples/checkrequest-envoy-legacy.json"),
            "transfer",
            r#"{"account":"DE-1","amount":5}"#,
        ),
        (
            include_str!("../../../tests/samples/checkrequest-envoy-modern.json"),
            "transfer",
            r#"{"account":"DE-1","amount":5}"#,
        ),
    ] {
        let sample: serde_json::Value = serde_json::from_str(sample).unwrap();
        let http = &sample["attributes"]["request"]["http"];
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let headers =
            http["headers"].as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value)));
        let request = HttpRequest {
            method: text(&http["method"]),
            path: text(&http["path"]),
            host: text(&http["host"]),
            headers: Headers(headers.collect()),
            body: Body::Text(text(&http["body"])),
            size: text(&http["size"]).parse().unwrap(),
        };
        let called = message(&request).tool.unwrap();
        assert_eq!((called.name.as_str(), called.arguments.text().as_str()), (tool, arguments));
    }
}
