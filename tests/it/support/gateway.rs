//! A gateway without Envoy: it asks one replica about as many calls as it likes, over one connection.

use std::time::Duration;

use holdpoint::ext_authz::proto::authorization_client::AuthorizationClient;
use holdpoint::ext_authz::proto::check_response::HttpResponse;
use holdpoint::ext_authz::proto::{AttributeContext, CheckRequest, CheckResponse, attribute_context};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

use super::processes::Holdpoint;

/// Above what any call here waits.
const BOUND: Duration = Duration::from_secs(60);

/// Asks a replica.
pub struct Gateway(AuthorizationClient<Channel>);

/// What a replica says of a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    Released,
    /// It does not go on, by this word.
    Denied(String),
    /// The connection ended before there was an answer.
    Nothing,
}

impl Told {
    pub fn denied(word: &str) -> Self {
        Self::Denied(word.to_owned())
    }
}

/// A call about which a replica was asked.
pub struct Asked(JoinHandle<Result<CheckResponse, Status>>);

impl Gateway {
    pub async fn before(replica: &Holdpoint) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{}", replica.gate())).expect("a URL");
        let endpoint = endpoint.initial_connection_window_size(16 * 1024 * 1024);
        Self(AuthorizationClient::new(endpoint.connect().await.expect("the replica listens")))
    }

    /// Asks about a `tools/call` that is told from others by its number.
    pub fn asks(&self, number: usize) -> Asked {
        let mut client = self.0.clone();
        Asked(tokio::spawn(async move { client.check(call(number)).await.map(Response::into_inner) }))
    }
}

impl Asked {
    /// Whether there is no answer yet.
    pub fn waits(&self) -> bool {
        !self.0.is_finished()
    }

    pub async fn told(self) -> Told {
        let answer = timeout(BOUND, self.0).await.expect("an answer in time").expect("no panic");
        let Ok(response) = answer else { return Told::Nothing };
        match response.http_response.expect("never an empty answer") {
            HttpResponse::OkResponse(_) => Told::Released,
            HttpResponse::DeniedResponse(denied) => {
                let headers = denied.headers.into_iter().filter_map(|option| option.header);
                let word = headers.into_iter().find(|header| header.key == "x-holdpoint-outcome");
                Told::Denied(word.expect("a denial says why").value)
            }
        }
    }
}

fn call(number: usize) -> CheckRequest {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"drop","arguments":{{"table":{number}}}}}}}"#
    );
    let headers =
        [("content-type", "application/json".to_owned()), ("content-length", body.len().to_string())];
    let http = attribute_context::HttpRequest {
        method: "POST".into(),
        path: "/mcp".into(),
        host: "tools".into(),
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        size: body.len() as i64,
        body,
        ..Default::default()
    };
    let request = attribute_context::Request { http: Some(http), ..Default::default() };
    let attributes = AttributeContext { request: Some(request), ..Default::default() };
    CheckRequest { attributes: Some(Box::new(attributes)) }
}
