use proptest::prelude::*;
use proptest::test_runner::Config;

use super::{Json, JsonError, MAX_DEPTH, MAX_VALUES};

fn read(text: &str) -> Result<Json, JsonError> {
    Json::read(text.as_bytes())
}

fn string(text: &str) -> Json {
    Json::String(text.to_owned())
}

#[test]
fn keeps_order_and_number_literals() {
    let sent = r#"{"z":[1.0,1e2,-0,1234567890123456789012345678901234567890],"a":{"y":null,"b":true}}"#;
    let json = read(&format!(" \t\r\n{sent}\n")).unwrap();
    assert_eq!(json.text(), sent);
    assert_eq!(json.to_string(), sent);
    assert_eq!(
        json.canonical(),
        r#"{"a":{"b":true,"y":null},"z":[1.0,1e2,-0,1234567890123456789012345678901234567890]}"#
    );
}

#[test]
fn unescapes_keys_and_strings() {
    let json = read(r#"{"\u006dethod":"tools\/call","smile":"\uD83D\uDE00 \"\\\b\f\n\r\t\u0000"}"#).unwrap();
    assert_eq!(json.get("method").unwrap().as_str(), Some("tools/call"));
    assert_eq!(json.get("smile"), Some(&string("\u{1F600} \"\\\u{8}\u{c}\n\r\t\0")));
    assert_eq!(Json::read(json.text().as_bytes()), Ok(json));
}

#[test]
fn refuses_what_is_not_rfc_8259() {
    let broken = [
        "",
        " ",
        "01",
        "-01",
        "00",
        "1.",
        ".5",
        "+1",
        "-",
        "--1",
        "1e",
        "1e+",
        "1.e1",
        "0x10",
        "1_000",
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "-NaN",
        "True",
        "nul",
        "nulll",
        "undefined",
        "'a'",
        "\"a",
        "\"a\nb\"",
        "\"a\0b\"",
        "\"\t\"",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u00zz\"",
        "\"\\u+123\"",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[",
        "]",
        "[1",
        "{",
        "}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\" 1}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1 \"b\":2}",
        "// c\n1",
        "1 // c",
        "/**/1",
        "#\n1",
        "1 2",
        "{}{}",
        "{}\n{}",
        "{} x",
        "{}\0",
        "\u{a0}1",
        "1\u{a0}",
        "\u{b}1",
        "\u{c}1",
        "1\u{2028}",
        "[1]]",
        "{\"a\":1}}",
        "\"a\"b",
        "1a",
        "truefalse",
    ];
    for text in broken {
        assert!(matches!(read(text), Err(JsonError::Syntax { .. })), "{text:?} gave {:?}", read(text));
    }
}

#[test]
fn refuses_half_surrogate_pairs() {
    for escapes in
        [r"\uD800", r"\uDC00", r"\uD800x", r"\uD800\n", r"\uD800\uD800", r"\uDC00\uD800", r"\ud83d \ude00"]
    {
        assert!(matches!(read(&format!("\"{escapes}\"")), Err(JsonError::Syntax { .. })), "{escapes}");
        assert!(matches!(read(&format!("{{\"{escapes}\":1}}")), Err(JsonError::Syntax { .. })), "{escapes}");
    }
}

#[test]
fn refuses_what_is_not_utf_8() {
    for bytes in
        [&b"\"\xFF\""[..], b"\"\xC0\xAF\"", b"\"\xED\xA0\x80\"", b"\"\xC3\"", b"{\"\xE9\":1}", b"1\xFF"]
    {
        assert!(matches!(Json::read(bytes), Err(JsonError::NotUtf8 { .. })), "{bytes:?}");
    }
    assert_eq!(Json::read(b"\xEF\xBB\xBF{}"), Err(JsonError::ByteOrderMark));
    for utf_16 in [&b"\xFE\xFF\0{\0}"[..], b"\xFF\xFE{\0}\0", b"\0{\0}", b"{\0}\0"] {
        assert!(Json::read(utf_16).is_err(), "{utf_16:?}");
    }
}

#[test]
fn refuses_a_key_twice_at_any_level() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"":1,"":2}"#,
        r#"{"x":{"b":0,"a":1,"a":2}}"#,
        r#"[[{"b":{"a":1,"c":2,"a":3}}]]"#,
        r#"{"é":1,"\u00e9":2}"#,
    ] {
        assert!(matches!(read(text), Err(JsonError::DuplicateKey { .. })), "{text}");
    }
    assert!(read(r#"{"a":{"a":{"a":1}},"A":2,"é":3,"e\u0301":4}"#).is_ok());
}

#[test]
fn refuses_a_key_twice_among_many() {
    let distinct: Vec<String> = (0..50_000).map(|i| format!("\"k{i}\":{i}")).collect();
    let text = format!("{{{}}}", distinct.join(","));
    assert!(read(&text).is_ok());
    let text = format!("{{{},\"k7\":0}}", distinct.join(","));
    assert!(matches!(read(&text), Err(JsonError::DuplicateKey { key, .. }) if key == "k7"));
}

#[test]
fn refuses_numbers_that_read_as_infinity() {
    let long = "9".repeat(400);
    for literal in ["1e309", "-1e309", "1E400", "0.1e311", "1e99999999999999999999", &long] {
        assert!(matches!(read(&format!("[{literal}]")), Err(JsonError::NumberTooLarge { .. })), "{literal}");
    }
    let many_digits = format!("0.{}", "1".repeat(1000));
    for literal in ["1.7976931348623157e308", "1e-400", "0e99999", "-0.0", &"9".repeat(300), &many_digits] {
        assert_eq!(read(literal).unwrap(), Json::Number(literal.to_owned()));
    }
}

#[test]
fn nests_128_deep_and_no_deeper_on_a_small_stack() {
    let nested = |depth: usize| format!("{}{}{}", "{\"a\":[".repeat(depth / 2), "1", "]}".repeat(depth / 2));
    let checked = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        let json = read(&nested(MAX_DEPTH)).unwrap();
        assert_eq!(Json::read(json.canonical().as_bytes()).unwrap(), json);
        assert!(matches!(read(&nested(MAX_DEPTH + 2)), Err(JsonError::TooDeep { .. })));
        assert!(matches!(read(&"[".repeat(4 << 20)), Err(JsonError::TooDeep { .. })));
    });
    checked.unwrap().join().unwrap();
}

#[test]
fn so_many_values_and_no_more() {
    let array = |items: usize| format!("[{}]", vec!["0"; items].join(","));
    assert!(read(&array(MAX_VALUES - 1)).is_ok());
    assert!(matches!(read(&array(MAX_VALUES)), Err(JsonError::TooMany { .. })));
    let objects = format!("[{}]", vec![r#"{"a":[]}"#; MAX_VALUES / 2].join(","));
    assert!(matches!(read(&objects), Err(JsonError::TooMany { .. })));
}

fn any_json() -> impl Strategy<Value = Json> {
    let number = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?",
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        number.prop_map(Json::Number),
        any::<String>().prop_map(Json::String),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Json::Object(members.into_iter().rev().collect())),
        ]
    })
}

/// Text that is JSON or nearly so.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\\u00",
        "\\ud83d",
        "\\ude00",
        "0",
        "1",
        "-",
        "+",
        ".",
        "e",
        "E9",
        "null",
        "true",
        "false",
        "NaN",
        "\"a\"",
        "\"\\u0061\"",
        "\"b\":",
        " ",
        "\n",
        "\t",
        "/",
        "\u{feff}",
        "é",
    ]);
    let pieces = prop::collection::vec(piece, 0..12).prop_map(|p| p.concat().into_bytes());
    let damaged = (any_json(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(json, at, byte)| {
        let mut bytes = json.text().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes
    });
    prop_oneof![pieces, damaged, prop::collection::vec(any::<u8>(), 0..8)]
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn what_is_written_reads_back_the_same(json in any_json()) {
        prop_assert_eq!(Json::read(json.text().as_bytes()), Ok(json.clone()));
        let canonical = Json::read(json.canonical().as_bytes()).unwrap();
        prop_assert_eq!(canonical.canonical(), json.canonical());
    }

    #[test]
    fn serde_json_reads_the_same_value(json in any_json()) {
        let text = json.text();
        let again = Json::read(text.as_bytes()).unwrap().canonical();
        prop_assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            serde_json::from_str::<serde_json::Value>(&again).unwrap()
        );
    }

    #[test]
    fn what_is_accepted_serde_json_accepts(bytes in nearly_json()) {
        if let Ok(json) = Json::read(&bytes) {
            let theirs = serde_json::from_slice::<serde_json::Value>(&bytes);
            prop_assert!(theirs.is_ok(), "{:?}", theirs);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&json.text()).unwrap(), theirs.unwrap());
        }
    }
}
