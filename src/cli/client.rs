//! Speaks to the admin API.

mod account;
mod approval;
mod audit;
mod error;
mod events;

use std::io::{BufReader, Read};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::config::ConfigBuilder;
use ureq::http::{Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::AgentScope;
use ureq::{Agent, Body};

pub use account::{Issued, Known, NewToken, SignInPlace};
pub use approval::{Act, Approval, BrokenGlass, Call, Caller, Claim, Precedents, Received, Request, Vote};
pub use error::{ClientError, Problem};
pub use events::{Event, Events};

use crate::domain::decision::Verdict;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ApprovalId, DecisionId, Incarnation};

/// How long one question may take. Deciding waits for the store, which may be in a failover.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the stream of changes may be silent: two of its heartbeats, which come every 15 s, and a bit.
const SILENCE: Duration = Duration::from_secs(40);
/// How often a decision is sent before it counts as not taken.
const TRIES: u32 = 5;
/// The longest pause between two of them, whatever the service asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// The largest answer that is read; a page may hold 50 calls of 4 MiB each, twice.
const LARGEST_ANSWER: u64 = 512 << 20;

/// A reviewer's token. It is never printed.
#[derive(Clone)]
pub struct Token(String);

impl From<String> for Token {
    fn from(token: String) -> Self {
        Self(token)
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Which pending approvals are asked for.
#[derive(Debug, Default)]
pub struct Filter<'a> {
    /// Those of this queue.
    pub queue: Option<&'a str>,
    /// Those of this tool.
    pub tool: Option<&'a str>,
}

/// A decision as it is sent.
#[derive(Debug, Serialize)]
pub struct Decision<'a> {
    /// Approve or reject.
    #[serde(serialize_with = "verdict")]
    pub verdict: Verdict,
    /// Why.
    pub reason: Option<&'a str>,
    /// The same in one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<&'a str>,
    /// The call that the reviewer saw.
    #[serde(serialize_with = "display")]
    pub fingerprint: Fingerprint,
    /// The life of the store that showed it.
    #[serde(serialize_with = "display")]
    pub incarnation: Incarnation,
}

/// What became of many decisions.
#[derive(Debug, Serialize, Deserialize)]
pub struct Batch {
    /// How many were recorded, would be, or were refused.
    pub counts: Counts,
    /// One by one.
    pub results: Vec<serde_json::Value>,
    /// Whether the filter matches more than were decided.
    pub more: bool,
}

/// How many of a batch.
#[derive(Debug, Serialize, Deserialize)]
pub struct Counts {
    /// Were recorded.
    pub recorded: u32,
    /// Would be, were it no dry run.
    pub would_record: u32,
    /// Were refused, or would be.
    pub refused: u32,
}

/// One service's admin API.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    base: String,
    authorization: Option<Token>,
}

impl Client {
    /// A client of the service at this address.
    pub fn new(url: &str, token: Option<&Token>) -> Result<Self, ClientError> {
        let uri: Uri = url.parse().map_err(|_| ClientError::BadUrl)?;
        let scheme_known = matches!(uri.scheme_str(), Some("http" | "https"));
        let Some(authority) = uri.authority().filter(|a| scheme_known && !a.as_str().contains('@')) else {
            return Err(ClientError::BadUrl);
        };
        if uri.query().is_some() {
            return Err(ClientError::BadUrl);
        }
        // An empty variable is how many tools write one that is not set.
        let token = token.filter(|t| !t.0.is_empty());
        if token.is_some_and(|t| !t.0.bytes().all(|b| b.is_ascii_graphic())) {
            return Err(ClientError::BadToken);
        }
        let mut config = cautious().timeout_connect(Some(Duration::from_secs(5)));
        if ["localhost", "127.0.0.1", "[::1]"].contains(&authority.host()) {
            // HTTP_PROXY is often set without NO_PROXY, and a proxy has its own loopback.
            config = config.proxy(None);
        }
        Ok(Self {
            agent: config.build().into(),
            base: url.trim_end_matches('/').to_owned(),
            authorization: token.map(|t| Token(format!("Bearer {}", t.0))),
        })
    }

    /// One approval, whatever its state.
    pub fn approval(&self, id: &ApprovalId) -> Result<Received, ClientError> {
        self.get(&format!("/v1/approvals/{id}"), &[])
    }

    /// What was asked and decided before it.
    pub fn precedents(&self, id: &ApprovalId) -> Result<Precedents, ClientError> {
        self.get(&format!("/v1/approvals/{id}/precedents"), &[])
    }

    /// All pending approvals that the filter lets through, oldest first.
    pub fn pending(&self, filter: &Filter) -> Result<Vec<Received>, ClientError> {
        #[derive(Deserialize)]
        struct Page {
            approvals: Vec<Received>,
            next_page_token: Option<String>,
        }

        let mut all = Vec::new();
        let mut next = None;
        loop {
            let query = [("queue", filter.queue), ("tool", filter.tool), ("page_token", next.as_deref())];
            let page: Page = self.get("/v1/approvals", &query)?;
            all.extend(page.approvals);
            let Some(token) = page.next_page_token else { return Ok(all) };
            next = Some(token);
        }
    }

    /// Sends a decision.
    pub fn decide(&self, id: &ApprovalId, decision: &Decision) -> Result<Received, ClientError> {
        self.send(&format!("/v1/approvals/{id}/decisions"), decision)
    }

    /// Does something else to an approval: `cancel`, `revoke`, `extend` or `break-glass`.
    pub fn act(&self, id: &ApprovalId, verb: &str, body: &impl Serialize) -> Result<Received, ClientError> {
        self.send(&format!("/v1/approvals/{id}:{verb}"), body)
    }

    /// Decides many, each for itself.
    pub fn decide_many(&self, body: &impl Serialize) -> Result<Batch, ClientError> {
        self.send("/v1/approvals:batchDecide", body)
    }

    /// Sends what changes something. It bears an id of its own, so one that may have got lost is sent again and counts
    /// once.
    fn send<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let key = DecisionId::random().to_string();
        let mut tries = 1;
        loop {
            let error = match self.post(path, body, &key) {
                Err(error) if error.may_pass() && tries < TRIES => error,
                result => return result,
            };
            tries += 1;
            thread::sleep(error.retry_after().unwrap_or(Duration::from_secs(1)).min(LONGEST_PAUSE));
        }
    }

    /// What the replica says of itself, ready or not.
    pub fn readiness<T: for<'de> Deserialize<'de>>(&self) -> Result<T, ClientError> {
        let request = self.agent.get(format!("{}/readyz", self.base));
        let answer = request.config().timeout_global(Some(PATIENCE)).build().call();
        self.read(answer.map_err(|cause| self.unreachable(&cause))?)
    }

    /// Every change from now on.
    pub fn watch(&self) -> Result<Events<impl Read + use<>>, ClientError> {
        let request = self.agent.get(format!("{}/v1/approvals:watch", self.base));
        let request =
            request.config().timeout_recv_response(Some(PATIENCE)).timeout_per_read(Some(SILENCE)).build();
        let answer = self.authorize(request).header("accept", "text/event-stream").call();
        let answer = self.accept(answer)?;
        Ok(Events::new(BufReader::new(answer.into_body().into_with_config().limit(u64::MAX).reader())))
    }

    /// The approval that an event of [`Client::watch`] holds.
    pub fn received(&self, data: &str) -> Result<Received, ClientError> {
        self.parse(data)
    }

    fn post<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        body: &impl Serialize,
        key: &str,
    ) -> Result<T, ClientError> {
        let request = self.agent.post(format!("{}{path}", self.base));
        let request = request.config().timeout_global(Some(PATIENCE)).build();
        let answer = self.authorize(request).header("idempotency-key", key).send_json(body);
        self.read(self.accept(answer)?)
    }

    fn get<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        query: &[(&str, Option<&str>)],
    ) -> Result<T, ClientError> {
        let request = self.agent.get(format!("{}{path}", self.base));
        let request = request.query_pairs(query.iter().filter_map(|(name, value)| Some((*name, (*value)?))));
        let request = request.config().timeout_global(Some(PATIENCE)).build();
        let answer = self.authorize(request).call();
        self.read(self.accept(answer)?)
    }

    fn authorize<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.authorization {
            Some(token) => request.header("authorization", &token.0),
            None => request,
        }
    }

    /// The answer, if it is a success.
    fn accept(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, ClientError> {
        let answer = answer.map_err(|cause| self.unreachable(&cause))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status().as_u16();
        let seconds = answer.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
        let body = self.text(answer)?;
        Err(match serde_json::from_str(&body) {
            Ok(problem) => ClientError::Refused {
                status,
                problem: Box::new(problem),
                retry_after: seconds.map(Duration::from_secs),
            },
            Err(_) => ClientError::Status { url: self.base.clone(), status },
        })
    }

    fn read<T: for<'de> Deserialize<'de>>(&self, answer: Response<Body>) -> Result<T, ClientError> {
        self.parse(&self.text(answer)?)
    }

    fn parse<T: for<'de> Deserialize<'de>>(&self, json: &str) -> Result<T, ClientError> {
        serde_json::from_str(json).map_err(|cause| ClientError::Unexpected { url: self.base.clone(), cause })
    }

    fn text(&self, answer: Response<Body>) -> Result<String, ClientError> {
        let text = answer.into_body().into_with_config().limit(LARGEST_ANSWER).read_to_string();
        text.map_err(|cause| self.unreachable(&cause))
    }

    fn unreachable(&self, cause: &ureq::Error) -> ClientError {
        ClientError::Unreachable { url: self.base.clone(), cause: cause.to_string() }
    }
}

/// How anybody is asked: no redirect leads to where the operator did not point us, and who is believed to be whom is what
/// this machine believes, a company's own authority too.
pub fn cautious() -> ConfigBuilder<AgentScope> {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
}

fn verdict<S: serde::Serializer>(verdict: &Verdict, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(verdict.as_str())
}

fn display<S: serde::Serializer>(value: &impl std::fmt::Display, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(value)
}
