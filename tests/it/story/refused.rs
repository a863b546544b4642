//! What cannot be read with certainty goes nowhere: not to a reviewer and not to the tool.

use reqwest::RequestBuilder;
use serde_json::Value;

use crate::support::processes::{Envoy, PartialBodies};
use crate::support::world::World;

/// A call that would migrate, if anybody let it through.
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"run_migration","arguments":{"version":"v9"}}}"#;

/// The same, compressed.
const GZIPPED: &str = "1f8b08000000000002031d8a3b0e80300cc5eef266c46fa39741115450d424282d2ca877a7b059b61f1c49c5ce05\
    0e63dba34158e18606ecf3ae15915563ea168ab1c6938c38c13d10625fab5d3273d88c7250a903d976b197fc3fb7b7f469877b4229e5051caf\
    5ebf6d000000";

type Header = (&'static str, &'static str);

const JSON: Header = ("content-type", "application/json");

/// A request that has to be refused, and how.
struct Refused {
    what: &'static str,
    body: Vec<u8>,
    headers: &'static [Header],
    status: u16,
    reason_code: &'static str,
}

fn refused(what: &'static str, body: impl Into<Vec<u8>>, status: u16, reason_code: &'static str) -> Refused {
    Refused { what, body: body.into(), headers: &[JSON], status, reason_code }
}

fn with(headers: &'static [Header], status: u16, reason_code: &'static str) -> Refused {
    Refused { what: "headers", body: CALL.into(), headers, status, reason_code }
}

fn all() -> Vec<Refused> {
    let (gzipped, utf16) = (hex::decode(GZIPPED).unwrap(), CALL.encode_utf16().flat_map(u16::to_le_bytes));
    let gzip = &[JSON, ("content-encoding", "gzip")];
    let (list, listed) = (r#""method":"tools/list","#, r#","method":"tools/list"}"#);
    let latin1: Vec<u8> = CALL.bytes().map(|byte| if byte == b'9' { 0xe9 } else { byte }).collect();
    vec![
        refused("cut off", &CALL[..80], 400, "unreadable"),
        refused("followed by another", format!("{CALL}{CALL}"), 400, "unreadable"),
        refused("batch", format!("[{CALL}]"), 400, "batch"),
        refused("batch of none", "[]", 400, "batch"),
        refused(
            "method twice, the call first",
            CALL.replace("}}}", &format!("}}}}{listed}")),
            400,
            "unreadable",
        ),
        refused(
            "method twice, the call last",
            CALL.replacen('{', &format!("{{{list}"), 1),
            400,
            "unreadable",
        ),
        refused(
            "method twice, once escaped",
            CALL.replacen('{', &format!("{{{}", list.replace("method", r"m\u0065thod")), 1),
            400,
            "unreadable",
        ),
        refused("argument twice", CALL.replace(r#""v9""#, r#""v9","version":"v3""#), 400, "unreadable"),
        refused("byte order mark", [b"\xef\xbb\xbf", CALL.as_bytes()].concat(), 400, "unreadable"),
        refused("UTF-16", utf16.collect::<Vec<u8>>(), 400, "unreadable"),
        refused("bytes that are no UTF-8", latin1, 400, "unreadable"),
        Refused { headers: gzip, ..refused("gzip", gzipped.clone(), 415, "unreadable") },
        refused("gzip that is not announced", gzipped, 400, "unreadable"),
        refused("nothing", "", 400, "unreadable"),
        with(&[("content-type", "application/json; charset=utf-16")], 415, "unreadable"),
        with(&[("content-type", "application/json; charset=latin1")], 415, "unreadable"),
        with(&[("content-type", "text/plain")], 415, "unreadable"),
        with(&[], 415, "unreadable"),
        with(&[JSON, ("content-encoding", "gzip")], 415, "unreadable"),
        with(&[JSON, ("mcp-method", "tools/list")], 400, "header_mismatch"),
        with(&[JSON, ("mcp-method", "tools/call"), ("mcp-name", "cluster_db_query")], 400, "header_mismatch"),
        with(&[JSON, ("mcp-method", "tools/call"), ("mcp-method", "tools/list")], 400, "header_mismatch"),
        with(&[JSON, ("mcp-param-version", "v3")], 400, "header_mismatch"),
    ]
}

fn send(post: RequestBuilder, headers: &[(&str, &str)]) -> RequestBuilder {
    headers.iter().fold(post, |post, (name, value)| post.header(*name, *value))
}

#[tokio::test]
async fn what_is_not_read_with_certainty_is_refused_with_its_reason_and_neither_parked_nor_forwarded() {
    let world = World::start("").await;
    for Refused { what, body, headers, status, reason_code } in all() {
        let what = format!("{what} {headers:?}");
        let answer = send(world.post(body), headers).send().await.unwrap();
        assert_eq!(answer.status(), status, "{what}");
        assert_eq!(answer.headers()["x-holdpoint-outcome"], reason_code, "{what}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(
            answer["error"]["data"]["dev.holdpoint/denial"]["reason_code"], reason_code,
            "{what}: {answer}"
        );
        let said = answer["error"]["message"].as_str().unwrap();
        assert!(said.starts_with("REFUSED by the approval gate: "), "{what}: {said}");
    }
    assert_eq!(world.b.reviewer().pending().await, Vec::<Value>::new());
    assert_eq!(world.migrations().await, Vec::<Value>::new());

    // The call itself, as it should be sent, is one that parks.
    let parked = tokio::spawn(send(world.post(CALL), &[JSON]).send());
    let id = world.b.reviewer().sees_one().await;
    world.b.reviewer().rejects(&id, "enough").await;
    assert_eq!(parked.await.unwrap().unwrap().headers()["x-holdpoint-outcome"], "rejected");
}

#[tokio::test]
async fn a_body_that_the_gateway_does_not_show_whole_is_refused_whoever_notices() {
    let world = World::start("").await;
    let large = CALL.replace("v9", &"9".repeat(100_000));

    let by_envoy = send(world.post(large.clone()), &[JSON]).send().await.unwrap();
    assert_eq!(by_envoy.status(), 413);
    assert!(!by_envoy.headers().contains_key("x-holdpoint-outcome"));

    let ports = [world.a.check_port(), world.b.check_port()];
    let careless = Envoy::start(ports, &world.ops_tools, PartialBodies::Sent).await;
    let post = reqwest::Client::new().post(careless.url("/privileged/mcp")).body(large);
    let by_us = send(post, &[JSON]).send().await.unwrap();
    assert_eq!(by_us.status(), 413);
    assert_eq!(by_us.headers()["x-holdpoint-outcome"], "partial_body");

    assert_eq!(world.b.reviewer().pending().await, Vec::<Value>::new());
    assert_eq!(world.migrations().await, Vec::<Value>::new());
}
