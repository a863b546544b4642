//! What only Holdpoint may say to the server behind the gateway.

use reqwest::RequestBuilder;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::processes::{Envoy, Holdpoint, OpsTools, PartialBodies, Reviewer, TOKEN};

/// Answers one request, and tells how it began: up to its body.
async fn head(server: &TcpListener) -> String {
    let (mut connection, _) = server.accept().await.unwrap();
    let mut read = Vec::new();
    while !read.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        assert_ne!(connection.read_buf(&mut read).await.unwrap(), 0, "the request goes on");
    }
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    connection.write_all(answer).await.unwrap();
    String::from_utf8(read).unwrap()
}

/// The values of this header.
fn values<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| *key == name).map(|(_, value)| value).collect()
}

#[tokio::test]
async fn what_a_client_says_in_our_name_does_not_reach_the_server() {
    let (replica, ops_tools) = tokio::join!(Holdpoint::start("", None), OpsTools::start());
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = |port: u16| format!("port_value: {port}");
    let configuration = Envoy::configuration([replica.check_port(); 2], &ops_tools, PartialBodies::Refused);
    let before_server = port(server.local_addr().unwrap().port());
    let envoy = Envoy::with(&configuration.replace(&port(ops_tools.port()), &before_server)).await;
    let sends = |method: &str, params| -> RequestBuilder {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let post = reqwest::Client::new().post(envoy.url("/privileged/mcp")).body(message.to_string());
        post.header("content-type", "application/json")
            .header("x-holdpoint-approval", "forged")
            .header("x-holdpoint-outcome", "forged")
    };

    let (passed, forwarded) = tokio::join!(sends("tools/list", json!({})).send(), head(&server));
    assert_eq!(passed.unwrap().status(), 200);
    assert!(!forwarded.contains("forged"), "{forwarded}");

    let call = json!({ "name": "run_migration", "arguments": {} });
    let decide = async {
        let reviewer = Reviewer::new(replica.admin(), TOKEN);
        let id = reviewer.sees_one().await;
        reviewer.approves(&id).await;
        id
    };
    let (released, forwarded, id) = tokio::join!(sends("tools/call", call).send(), head(&server), decide);
    assert_eq!(released.unwrap().status(), 200);
    assert_eq!(values(&forwarded, "x-holdpoint-approval"), [id]);
    assert!(!forwarded.contains("forged"), "{forwarded}");
}
