//! The Checks that are sent.

use holdpoint::ext_authz::proto::{
    Address, AttributeContext, CheckRequest, SocketAddress, address, attribute_context, socket_address,
};

const TOOLS_LIST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25","io.modelcontextprotocol/clientInfo":{"name":"dba-assistant","version":"1.4.2"}}}}"#;

/// Callers that take turns.
const CALLERS: u64 = 1000;

/// A `tools/list` as Envoy sends it for a client with a token and a session: 15 headers, 1.9 KB in all.
pub fn tools_list() -> CheckRequest {
    post(TOOLS_LIST, "dba-assistant")
}

/// A `tools/call` that is told from others by its number; `id` is its JSON-RPC id.
pub fn tools_call(number: u64, caller: &str, id: u64) -> CheckRequest {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"run_migration","arguments":{{"call":{number}}}}}}}"#
    );
    post(&body, caller)
}

/// A `tools/call` whose body has this size, of one of a thousand callers.
pub fn migration(number: u64, size: usize) -> CheckRequest {
    let call = |sql: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{{"name":"run_migration","arguments":{{"call":{number},"sql":"{sql}"}}}}}}"#
        )
    };
    let left = size.saturating_sub(call("").len());
    let sql: String = "ALTER TABLE orders ADD COLUMN note text; ".chars().cycle().take(left).collect();
    post(&call(&sql), &format!("agent-{}", number % CALLERS))
}

fn post(body: &str, caller: &str) -> CheckRequest {
    let token = format!("Bearer {}", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9".repeat(28));
    let headers = [
        (":authority", "mcp.example.com"),
        (":method", "POST"),
        (":path", "/privileged/mcp"),
        (":scheme", "https"),
        ("accept", "application/json, text/event-stream"),
        ("accept-encoding", "gzip, deflate"),
        ("authorization", &token),
        ("content-length", &body.len().to_string()),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2025-11-25"),
        ("mcp-session-id", "b62620bf8eca4a81aba5cc2902967296"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-e9d5a3e44cb75273-01"),
        ("user-agent", "python-httpx/0.28.1"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "89cfb905-2347-42c3-8b5e-05d2fa859eff"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let http = attribute_context::HttpRequest {
        id: "2835779686465481620".into(),
        method: "POST".into(),
        headers: headers.into(),
        path: "/privileged/mcp".into(),
        host: "mcp.example.com".into(),
        scheme: "https".into(),
        size: body.len() as i64,
        protocol: "HTTP/1.1".into(),
        raw_body: body.as_bytes().to_vec(),
        ..Default::default()
    };
    let extensions = [("route", "privileged"), ("caller", caller)];
    let attributes = AttributeContext {
        source: Some(peer("10.0.12.7", 50650)),
        destination: Some(peer("10.0.3.4", 8443)),
        request: Some(attribute_context::Request { http: Some(http), time: None }),
        context_extensions: extensions.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..Default::default()
    };
    CheckRequest { attributes: Some(Box::new(attributes)) }
}

fn peer(address: &str, port: u32) -> attribute_context::Peer {
    let port_specifier = Some(socket_address::PortSpecifier::PortValue(port));
    let socket = SocketAddress { address: address.into(), port_specifier };
    let address = Some(Address { address: Some(address::Address::SocketAddress(socket)) });
    attribute_context::Peer { address, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn a_tools_list_is_as_large_as_real_ones() {
        let size = tools_list().encoded_len();
        assert!((1850..1950).contains(&size), "{size}");
    }

    #[test]
    fn a_migration_has_the_size_that_is_asked_for() {
        let check = migration(12_345, 1536);
        let request = check.attributes.and_then(|attributes| attributes.request);
        let http = request.and_then(|request| request.http).expect("a request");
        assert_eq!(http.raw_body.len(), 1536);
        let body: serde_json::Value = serde_json::from_slice(&http.raw_body).expect("JSON");
        assert_eq!(body["params"]["arguments"]["call"], 12_345);
    }
}
