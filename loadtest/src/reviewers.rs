//! Reviewers: they see what waits, and approve it, over the API of any replica.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::{Instant, sleep};

/// How long one request may take. Everything that waits may be one answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Until somebody is asked again.
const PAUSE: Duration = Duration::from_millis(5);
/// As many as the API gives at once.
const PAGE: usize = 500;
/// So many are looked at where only a few are new.
const GLANCE: usize = 100;

/// What a service offers its reviewers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Api {
    /// `/v1/approvals`
    V1,
    /// `GET /pending` and `POST /decide/{id}`, which other services have too
    FieldGuide,
}

/// The admin sides of all replicas, for one reviewer.
pub struct Reviewers {
    client: Client,
    api: Api,
    /// Where the replicas take decisions.
    pub admins: Vec<String>,
    token: Option<String>,
}

/// A call that waits for a decision.
pub struct Waiting {
    /// Its number, which is one of its arguments.
    pub call: u64,
    id: String,
    fingerprint: String,
}

impl Reviewers {
    /// Of no replica yet.
    pub fn new(api: Api, token: Option<String>) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(PATIENCE).no_proxy().tcp_nodelay(true).build()?;
        Ok(Self { client, api, admins: Vec::new(), token })
    }

    /// Waits until a replica of ours is ready.
    pub async fn ready(&self, replica: usize) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while let Err(error) = self.get::<Ready>(replica, "readyz").await {
            ensure!(Instant::now() < until, error);
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// How many calls wait on all replicas.
    pub async fn count(&self) -> anyhow::Result<usize> {
        if self.api == Api::FieldGuide {
            return Ok(self.pending(0).await?.len());
        }
        let mut all = 0;
        for replica in 0..self.admins.len() {
            let ready: Ready = self.get(replica, "readyz").await?;
            all += ready.parked;
        }
        Ok(all)
    }

    /// Everything that waits, as one replica sees it.
    pub async fn all(&self, replica: usize) -> anyhow::Result<Vec<Waiting>> {
        match self.api {
            Api::V1 => self.pages(replica, &format!("page_size={PAGE}"), |_| true).await,
            Api::FieldGuide => self.pending(replica).await,
        }
    }

    /// What waits and is new to whoever asks.
    pub async fn new_ones(
        &self,
        replica: usize,
        is_new: impl Fn(u64) -> bool,
    ) -> anyhow::Result<Vec<Waiting>> {
        let mut waiting = match self.api {
            Api::V1 => {
                let query = format!("order=newest&page_size={GLANCE}");
                self.pages(replica, &query, |oldest| is_new(oldest.call)).await?
            }
            Api::FieldGuide => self.pending(replica).await?,
        };
        waiting.retain(|waiting| is_new(waiting.call));
        Ok(waiting)
    }

    /// One of the metrics of all replicas together: what begins with this, labels and all.
    pub async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let mut sum = 0.0;
        for replica in 0..self.admins.len() {
            let text = self.client.get(self.url(replica, "metrics")).send().await?.text().await?;
            let values = text.lines().filter_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
            sum += values.sum::<f64>();
        }
        Ok(sum)
    }

    /// As much as a reviewer sees at first.
    pub async fn look(&self, replica: usize) -> anyhow::Result<()> {
        match self.api {
            Api::V1 => drop(self.get::<serde_json::Value>(replica, "v1/approvals").await?),
            Api::FieldGuide => drop(self.pending(replica).await?),
        }
        Ok(())
    }

    /// Approves, at one replica.
    pub async fn approve(&self, replica: usize, waiting: &Waiting) -> anyhow::Result<()> {
        let id = &waiting.id;
        let (path, decision) = match self.api {
            Api::V1 => (
                format!("v1/approvals/{id}/decisions"),
                json!({ "verdict": "approve", "fingerprint": waiting.fingerprint }),
            ),
            Api::FieldGuide => (format!("decide/{id}"), json!({ "approved": true })),
        };
        let request = self.client.post(self.url(replica, &path)).json(&decision);
        let response = self.signed(request).send().await?;
        let status = response.status();
        // To be read to its end in any case: only then the connection is free for the next.
        let said = response.bytes().await?;
        let recorded = status == StatusCode::OK || status == StatusCode::NO_CONTENT;
        ensure!(recorded, "a decision is answered with {status}: {}", String::from_utf8_lossy(&said));
        Ok(())
    }

    /// Pages of a list, as long as the last one of each page says that there should be more.
    async fn pages(
        &self,
        replica: usize,
        query: &str,
        on: impl Fn(&Waiting) -> bool,
    ) -> anyhow::Result<Vec<Waiting>> {
        let mut all = Vec::new();
        let mut place = String::new();
        loop {
            let page: Page = self.get(replica, &format!("v1/approvals?{query}{place}")).await?;
            all.extend(page.approvals.into_iter().map(Waiting::from));
            match page.next_page_token {
                Some(next) if all.last().is_some_and(&on) => place = format!("&page_token={next}"),
                _ => return Ok(all),
            }
        }
    }

    async fn pending(&self, replica: usize) -> anyhow::Result<Vec<Waiting>> {
        let pending: Pending = self.get(replica, "pending").await?;
        Ok(pending.pending.into_iter().map(Waiting::from).collect())
    }

    async fn get<T: DeserializeOwned>(&self, replica: usize, path: &str) -> anyhow::Result<T> {
        let request = self.client.get(self.url(replica, path));
        let response = self.signed(request).send().await?.error_for_status()?;
        response.json().await.with_context(|| format!("{path} is not answered as expected"))
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn url(&self, replica: usize, path: &str) -> String {
        format!("{}/{path}", self.admins[replica])
    }
}

#[derive(Deserialize)]
struct Ready {
    parked: usize,
}

#[derive(Deserialize)]
struct Page {
    approvals: Vec<ApprovalJson>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct ApprovalJson {
    id: String,
    fingerprint: String,
    call: CallJson,
}

#[derive(Deserialize)]
struct CallJson {
    arguments: Arguments,
}

#[derive(Deserialize)]
struct Arguments {
    call: u64,
}

#[derive(Deserialize)]
struct Pending {
    pending: Vec<PendingJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PendingJson {
    id: String,
    tool_args: Arguments,
}

impl From<ApprovalJson> for Waiting {
    fn from(ApprovalJson { id, fingerprint, call }: ApprovalJson) -> Self {
        Self { call: call.arguments.call, id, fingerprint }
    }
}

impl From<PendingJson> for Waiting {
    fn from(PendingJson { id, tool_args }: PendingJson) -> Self {
        Self { call: tool_args.call, id, fingerprint: String::new() }
    }
}
