use super::*;

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
    let shorter_before = HttpRequest { size: 25, ..decoded("{\"method\":\"ping\",\"x\":\"\u{FFFD}\"}") };
    assert_eq!(refused(&shorter_before).why, Why::Decoded);
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
