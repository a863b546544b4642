//! A reviewer at the admin side of one replica.

use futures_util::StreamExt;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::eventually::eventually;

/// Somebody with a token, who speaks HTTP.
#[derive(Clone)]
pub struct Reviewer {
    admin: String,
    token: String,
    http: Client,
}

impl Reviewer {
    pub fn new(admin: &str, token: &str) -> Self {
        Self { admin: admin.to_owned(), token: token.to_owned(), http: Client::new() }
    }

    /// What waits for a decision, in the field guide's shape.
    pub async fn pending(&self) -> Vec<Value> {
        listed(self.get("/pending").await).await
    }

    /// Waits until so many calls wait for a decision; a replica that has just started may not have its store yet.
    pub async fn sees(&self, n: usize) -> Vec<Value> {
        eventually(&format!("{n} pending"), async || {
            let response = self.get("/pending").await;
            if response.status() == StatusCode::SERVICE_UNAVAILABLE {
                return None;
            }
            Some(listed(response).await).filter(|pending| pending.len() == n)
        })
        .await
    }

    /// Waits until one call waits for a decision, and returns its id.
    pub async fn sees_one(&self) -> String {
        id(&self.sees(1).await[0])
    }

    /// `POST /decide/{id}`
    pub async fn decide(&self, id: &str, decision: Value) -> Response {
        send(self.http.post(self.url(&format!("/decide/{id}"))).bearer_auth(&self.token).json(&decision))
            .await
    }

    /// Approves; it has to count.
    pub async fn approves(&self, id: &str) {
        assert_eq!(self.decide(id, json!({ "approved": true })).await.status(), StatusCode::NO_CONTENT);
    }

    /// Rejects with a reason; it has to count.
    pub async fn rejects(&self, id: &str, reason: &str) {
        let rejected = self.decide(id, json!({ "approved": false, "reason": reason })).await;
        assert_eq!(rejected.status(), StatusCode::NO_CONTENT);
    }

    /// Approves by the API, which counts a decision of one key once.
    pub async fn approve_once(&self, id: &str, fingerprint: &str, key: &str) -> Response {
        let decision = json!({ "verdict": "approve", "reason": "planned", "fingerprint": fingerprint });
        let post = self.http.post(self.url(&format!("/v1/approvals/{id}/decisions")));
        send(post.bearer_auth(&self.token).header("idempotency-key", key).json(&decision)).await
    }

    /// The record as the API shows it.
    pub async fn approval(&self, id: &str) -> Value {
        json(self.get(&format!("/v1/approvals/{id}")).await, StatusCode::OK).await
    }

    /// Waits until the record is in this state.
    pub async fn sees_state(&self, id: &str, state: &str) -> Value {
        eventually(&format!("{id} to be {state}"), async || {
            Some(self.approval(id).await).filter(|approval| approval["state"] == state)
        })
        .await
    }

    /// `GET /readyz`: what the replica says of itself, ready or not.
    pub async fn ready(&self) -> Value {
        self.get("/readyz").await.json().await.expect("the readiness is JSON")
    }

    /// What the queue's page hears from now on; wait for [`Live::hears`].
    pub async fn listens(&self) -> Live {
        let events = self.get("/events").await;
        assert_eq!(events.status(), StatusCode::OK);
        Live(events)
    }

    pub async fn get(&self, path: &str) -> Response {
        send(self.http.get(self.url(path)).bearer_auth(&self.token)).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.admin)
    }
}

/// A stream of events.
pub struct Live(Response);

impl Live {
    /// Waits until an event says all of this.
    pub async fn hears(self, words: &[&str]) {
        let mut heard = String::new();
        let mut chunks = self.0.bytes_stream();
        let listening = async {
            while !heard.split("\n\n").any(|event| words.iter().all(|word| event.contains(word))) {
                let chunk = chunks.next().await.expect("the stream goes on").expect("it can be read");
                heard.push_str(&String::from_utf8_lossy(&chunk));
            }
        };
        let heard_it = tokio::time::timeout(std::time::Duration::from_secs(20), listening).await;
        assert!(heard_it.is_ok(), "waited in vain to hear {words:?}");
    }
}

async fn send(request: RequestBuilder) -> Response {
    request.send().await.expect("the replica answers")
}

async fn listed(pending: Response) -> Vec<Value> {
    let mut body = json(pending, StatusCode::OK).await;
    serde_json::from_value(body["pending"].take()).expect("a list of pending calls")
}

/// The JSON of an answer with this status.
async fn json(response: Response, status: StatusCode) -> Value {
    let (got, url) = (response.status(), response.url().clone());
    let body = response.text().await.expect("a body");
    assert_eq!(got, status, "{url}: {body}");
    serde_json::from_str(&body).expect("the body is JSON")
}

/// The id of what `/pending` or the API shows.
fn id(approval: &Value) -> String {
    approval["id"].as_str().expect("an id").to_owned()
}
