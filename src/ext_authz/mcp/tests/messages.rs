use super::*;

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
        r#"{"method":"tools/call\u0000"}"#,
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
        r#"{"name":"a\u0000b"}"#,
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
        r#"{"method\u0000":"tools/call","result":{}}"#,
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
fn recorded_requests_of_gateways_are_read() {
    for (sample, tool, arguments) in [
        (
            include_str!("../../../../tests/samples/checkrequest-agentgateway.json"),
            "delete_account",
            r#"{"user":"bob","reason":"ünïcode"}"#,
        ),
        (
            include_str!("../../../../tests/samples/checkrequest-envoy-legacy.json"),
            "transfer",
            r#"{"account":"DE-1","amount":5}"#,
        ),
        (
            include_str!("../../../../tests/samples/checkrequest-envoy-modern.json"),
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
