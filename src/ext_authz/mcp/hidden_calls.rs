//! No body that passes hides a gated call.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use super::lenient::could_be_gated;
use super::read;
use crate::domain::message::Asked;
use crate::ext_authz::request::{Body, Headers, HttpRequest};

/// Reads the bytes as the body of an otherwise faultless POST.
fn posted(bytes: &[u8]) -> HttpRequest {
    HttpRequest {
        method: "POST".to_owned(),
        headers: Headers(vec![("content-type".to_owned(), "application/json".to_owned())]),
        body: Body::Raw(bytes.to_vec()),
        size: bytes.len() as i64,
        ..HttpRequest::default()
    }
}

/// Whether the reader lets the body go by as something else than a tool call.
fn passes(bytes: &[u8]) -> bool {
    match read(&posted(bytes), 1 << 20) {
        Ok(Asked::Message(message)) => message.tool.is_none(),
        Ok(Asked::Response | Asked::Nothing) => true,
        Err(_) => false,
    }
}

/// `"key":value` in the ways in which a caller could try to hide or to double it.
fn member() -> impl Strategy<Value = String> {
    let method = select(vec![
        r#""method""#,
        r#""method""#,
        r#""\u006dethod""#,
        r#""m\u0065thod""#,
        r#""Method""#,
        r#""METHOD""#,
        "method",
        "'method'",
        "\"method\"/**/",
        r#""method\u0000""#,
        r#""meth\od""#,
        r#""method\ud800""#,
    ]);
    let called = select(vec![
        r#""tools/call""#,
        r#""tools\/call""#,
        r#""\u0074ools/call""#,
        "'tools/call'",
        r#""tools/c\u0061ll""#,
        r#""tools/\call""#,
        r#""tools/call\u0000x""#,
    ]);
    let harmless = select(vec![
        r#""tools/list""#,
        r#""ping""#,
        "null",
        "7",
        r#"["tools/call"]"#,
        r#"{"method":"tools/call"}"#,
    ]);
    let value = prop_oneof![called, harmless];
    let other = select(vec![
        r#""jsonrpc":"2.0""#,
        r#""id":1"#,
        r#""result":{}"#,
        r#""error":{"code":1}"#,
        r#""params":{"name":"wipe"}"#,
        r#""x":"\"method\":\"tools/call\"""#,
        r#""y":{"method":"tools/call"}"#,
    ]);
    let broken = select(vec![
        r#""id":NaN"#,
        r#""params":{"name":"wipe","arguments":{"a":1,"a":2}}"#,
        r#""params":[]"#,
        "\"x\":\"\u{1}\"",
        r#""x":"\udc00""#,
        "\"x\":1e999",
        "/* , */ \"y\":1",
    ]);
    prop_oneof![
        6 => (method, value).prop_map(|(key, value)| format!("{key}:{value}")),
        6 => other.prop_map(str::to_owned),
        1 => broken.prop_map(str::to_owned),
    ]
}

/// One message, or several where a reader may find them.
fn text() -> impl Strategy<Value = String> {
    let object =
        prop::collection::vec(member(), 1..6).prop_map(|members| format!("{{{}}}", members.join(",")));
    let list = Just(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.to_owned());
    let call = Just(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wipe"}}"#.to_owned());
    let one = prop_oneof![4 => object, 1 => list, 1 => call];
    let odd = select(vec![
        "[@]",
        "[[@]]",
        "@@",
        "@\n@",
        "@,@",
        "[@,@]",
        "@]",
        "{@",
        "//\n@",
        "#\n@",
        "/*@*/@",
        "@\0@",
        "@;@",
        "\u{feff}@",
        "{\"x\":@}",
        "[@",
        " @ ",
        ")]}'\n@",
        "\"@\"",
        "@garbage",
    ]);
    let shape = prop_oneof![2 => Just("@"), 1 => odd];
    (shape, one.clone(), one)
        .prop_map(|(shape, first, second)| shape.replacen('@', &first, 1).replace('@', &second))
}

/// The text in an encoding, sometimes damaged.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let damage = prop::collection::vec((any::<Index>(), any::<u8>(), any::<bool>()), 1..4);
    let damage = prop_oneof![3 => Just(Vec::new()), 1 => damage];
    (text(), 0..18usize, damage).prop_map(|(text, encoding, damage)| {
        let mut bytes = encoded(&text, encoding);
        for (at, byte, replaced) in damage {
            let at = at.index(bytes.len());
            if replaced {
                bytes[at] = byte;
            } else {
                bytes.remove(at);
                bytes.push(byte);
            }
        }
        bytes
    })
}

fn encoded(text: &str, encoding: usize) -> Vec<u8> {
    match encoding {
        0 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        1 => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        2 => text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
        3 => text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
        4 => encoded(&format!("\u{feff}{text}"), 0),
        5 => encoded(&format!("\u{feff}{text}"), 1),
        _ => text.as_bytes().to_vec(),
    }
}

proptest! {
    #![proptest_config(Config { cases: 4096, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_body_that_passes_hides_no_gated_call(bytes in body()) {
        prop_assert!(!(passes(&bytes) && could_be_gated(&bytes)), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn nor_do_random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(!(passes(&bytes) && could_be_gated(&bytes)));
    }
}

/// The property says something only where bodies are gated and where they pass.
#[test]
fn the_generated_bodies_are_nasty_and_some_pass() {
    let mut runner = TestRunner::deterministic();
    let (mut gated, mut passed) = (0, 0);
    for _ in 0..4000 {
        let bytes = body().new_tree(&mut runner).unwrap().current();
        gated += usize::from(could_be_gated(&bytes));
        passed += usize::from(passes(&bytes));
    }
    assert!(gated > 1500, "only {gated} of 4000 hold a gated call");
    assert!(passed > 250, "only {passed} of 4000 pass");
}

#[test]
fn the_oracle_reads_as_leniently_as_the_most_lenient_server() {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wipe"}}"#;
    for encoding in 0..7 {
        assert!(could_be_gated(&encoded(call, encoding)), "encoding {encoding}");
    }
    for text in [
        r#"{"method":"tools/list","method":"tools/call"}"#,
        r#"{"method":"tools/call","method":"tools/list"}"#,
        r#"{"method":"tools/list","\u006dethod":"tools\/call"}"#,
        r#"{"method":"tools/list","Method":"tools/call"}"#,
        r#"{"method":"tools/list","method\u0000":"tools/call\u0000x"}"#,
        "{'method':'tools/call',}",
        "{x:NaN,method:\"tools/call\"",
        "{/* a */\"method\"// b\n:#c\n\"tools/call\"}",
        "{\"x\":\"\\ud800\",\"method\":\"tools/call\"}",
        "\u{feff}[[{\"method\":\"tools/call\"}]]",
        "{\"method\":\"ping\"}\n{\"method\":\"tools/call\"}",
        "garbage {\"method\":\"tools/call\"}",
    ] {
        assert!(could_be_gated(text.as_bytes()), "{text}");
    }
    for text in [
        r#"{"method":"ping","x":{"method":"tools/call"}}"#,
        r#"{"x":"{\"method\":\"tools/call\"}"}"#,
        "",
        "[]",
    ] {
        assert!(!could_be_gated(text.as_bytes()), "{text}");
    }
}
