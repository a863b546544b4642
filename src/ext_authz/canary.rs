//! A replica that asks itself: a probe over its own listener, through the gate and the store, and back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;
use tonic::transport::Endpoint;

use super::proto::authorization_client::AuthorizationClient;
use super::proto::check_response::HttpResponse;
use super::proto::{AttributeContext, CheckRequest, CheckResponse, attribute_context as context};
use crate::domain::probe;

/// How long the probe is held: long enough to be written down, looked at and withdrawn.
const HOLD: Duration = Duration::from_millis(50);

/// How long all of it may take.
const BOUND: Duration = Duration::from_secs(10);

/// Asks the gate that listens here about a probe, which has to be parked and refused.
///
/// # Errors
/// What was seen instead, in words.
pub async fn ask(listener: SocketAddr) -> Result<(), String> {
    match timeout(BOUND, check(here(listener))).await {
        Ok(Ok(response)) => judge(response),
        Ok(Err(why)) => Err(why),
        Err(_) => Err(format!("no answer within {BOUND:?}")),
    }
}

async fn check(address: SocketAddr) -> Result<CheckResponse, String> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|error| error.to_string())?;
    let channel = endpoint.connect().await.map_err(|error| format!("the listener: {error}"))?;
    let answer = AuthorizationClient::new(channel).check(request()).await;
    answer.map(tonic::Response::into_inner).map_err(|status| format!("a gRPC error: {status}"))
}

/// Where a listener on all addresses can be reached.
fn here(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}

fn request() -> CheckRequest {
    let arguments = json!({ "hold_ms": HOLD.as_millis() });
    let params = json!({ "name": probe::TOOL, "arguments": arguments });
    let call = json!({ "jsonrpc": "2.0", "id": "canary", "method": "tools/call", "params": params });
    let body = call.to_string().into_bytes();
    let http = context::HttpRequest {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        host: "canary".to_owned(),
        headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
        size: i64::try_from(body.len()).expect("a short body"),
        raw_body: body,
        ..context::HttpRequest::default()
    };
    let request = context::Request { http: Some(http), ..context::Request::default() };
    let attributes = AttributeContext { request: Some(request), ..AttributeContext::default() };
    CheckRequest { attributes: Some(Box::new(attributes)) }
}

fn judge(response: CheckResponse) -> Result<(), String> {
    let refused = response.status.is_some_and(|status| status.code != 0);
    let Some(HttpResponse::DeniedResponse(denied)) = response.http_response.filter(|_| refused) else {
        return Err("the probe was let through".to_owned());
    };
    let told: Value = serde_json::from_str(&denied.body).unwrap_or_default();
    let seen = &told["result"]["_meta"][super::response::META_KEY]["probe"];
    match seen["parked"].as_bool() {
        Some(true) => Ok(()),
        Some(false) => Err("the probe could not be parked: the store does not answer or is full".to_owned()),
        None => Err(format!("an unexpected refusal: {}", denied.body)),
    }
}
