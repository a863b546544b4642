//! The admin sides of all replicas, as a reviewer uses them.

use std::time::{Duration, SystemTime};

use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::history::{Call, State, Told, Verdict};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// The admin sides of all replicas, for one reviewer.
pub struct Admin {
    client: Client,
    ports: Vec<u16>,
    token: String,
}

/// An approval, as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct Approval {
    /// Its id.
    pub id: String,
    /// Its state.
    pub state: State,
    fingerprint: String,
    incarnation: String,
    call: CallJson,
    created_at: jiff::Timestamp,
    deadline: jiff::Timestamp,
    settled_at: Option<jiff::Timestamp>,
    votes: Vec<Vote>,
}

#[derive(Debug, Deserialize)]
struct CallJson {
    arguments: Arguments,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    call: Call,
}

#[derive(Debug, Deserialize)]
struct Vote {
    verdict: String,
}

/// What sending a decision came to.
pub enum Reply {
    /// This is what became of it.
    Told(Told),
    /// Nobody knows: it has to be sent again.
    Unsure,
    /// Nobody was there to take it: it has to be sent again.
    Unreached,
}

/// A part of a list.
#[derive(Debug, Deserialize)]
pub struct Page {
    /// The approvals.
    pub approvals: Vec<Approval>,
    /// Where the next part begins.
    pub next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Recorded {
    replicated: Option<bool>,
}

#[derive(Deserialize)]
struct Ready {
    parked: u64,
}

#[derive(Deserialize)]
struct Problem {
    r#type: String,
    outcome: Option<String>,
}

impl Admin {
    /// For the reviewer with this token.
    pub fn new(ports: Vec<u16>, token: String) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(PATIENCE).no_proxy().build()?;
        Ok(Self { client, ports, token })
    }

    /// A part of a list, as one replica sees it.
    pub async fn list(&self, replica: usize, query: &[(&str, &str)]) -> anyhow::Result<Page> {
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let url = self.url(replica, &format!("v1/approvals?{}", query.join("&")));
        let request = self.client.get(url).bearer_auth(&self.token);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// All approvals there are.
    pub async fn all(&self, replica: usize) -> anyhow::Result<Vec<Approval>> {
        let mut all = Vec::new();
        let mut token = String::new();
        loop {
            let mut query = vec![("state", "all"), ("page_size", "500")];
            if !token.is_empty() {
                query.push(("page_token", &token));
            }
            let page = self.list(replica, &query).await?;
            all.extend(page.approvals);
            match page.next_page_token {
                Some(next) => token = next,
                None => return Ok(all),
            }
        }
    }

    /// How many calls are parked on one replica.
    pub async fn parked(&self, replica: usize) -> anyhow::Result<u64> {
        let request = self.client.get(self.url(replica, "readyz")).bearer_auth(&self.token);
        let ready: Ready = request.send().await?.error_for_status()?.json().await?;
        Ok(ready.parked)
    }

    /// Sends a decision to one replica.
    pub async fn decide(
        &self,
        replica: usize,
        approval: &Approval,
        decision: Uuid,
        verdict: Verdict,
    ) -> Reply {
        let verdict = match verdict {
            Verdict::Approve => "approve",
            Verdict::Reject => "reject",
        };
        let body = json!({
            "verdict": verdict,
            "reason": "as seeded",
            "fingerprint": approval.fingerprint,
            "incarnation": approval.incarnation,
        });
        let request = self
            .client
            .post(self.url(replica, &format!("v1/approvals/{}/decisions", approval.id)))
            .bearer_auth(&self.token)
            .header("idempotency-key", decision.to_string())
            .json(&body);
        match request.send().await {
            Ok(response) => told(response).await.map_or(Reply::Unsure, Reply::Told),
            Err(error) if error.is_connect() => Reply::Unreached,
            Err(_) => Reply::Unsure,
        }
    }

    fn url(&self, replica: usize, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.ports[replica])
    }
}

/// None where the answer is lost on the way, or leaves open whether the decision is recorded.
async fn told(response: Response) -> Option<Told> {
    match response.status() {
        StatusCode::OK => {
            let recorded: Recorded = response.json().await.ok()?;
            Some(if recorded.replicated == Some(false) { Told::Unreplicated } else { Told::Acknowledged })
        }
        status if status.is_client_error() => {
            let problem: Problem = response.json().await.ok()?;
            Some(match problem.outcome {
                Some(outcome) => Told::Stands(outcome),
                None => Told::Refused(format!("{status} {}", problem.r#type)),
            })
        }
        _ => None,
    }
}

impl Approval {
    /// The call that it is about.
    pub fn call(&self) -> Call {
        self.call.arguments.call
    }

    /// When it was written down, counted from `start`.
    pub fn created(&self, start: SystemTime) -> Duration {
        since(start, self.created_at)
    }

    /// When it ends undecided, counted from `start`.
    pub fn deadline(&self, start: SystemTime) -> Duration {
        since(start, self.deadline)
    }

    /// When it ended, counted from `start`.
    pub fn settled(&self, start: SystemTime) -> Option<Duration> {
        self.settled_at.map(|at| since(start, at))
    }

    /// How many votes it holds for this verdict (`approve` or `reject`).
    pub fn votes(&self, verdict: &str) -> usize {
        self.votes.iter().filter(|vote| vote.verdict == verdict).count()
    }
}

fn since(start: SystemTime, at: jiff::Timestamp) -> Duration {
    SystemTime::from(at).duration_since(start).unwrap_or_default()
}
