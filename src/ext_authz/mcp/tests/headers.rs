use super::*;

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
fn a_header_outside_printable_ascii_is_refused() {
    for name in ["\u{e9}", "a\tb", "a\u{7f}"] {
        let body = format!(
            "{{\"method\":\"prompts/get\",\"params\":{{\"name\":{}}}}}",
            Json::String(name.to_owned())
        );
        assert_mismatch(&post(&body).with("mcp-name", name));
    }
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
