//! Who is signed out reads no more of what was open before.

use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::processes::{Holdpoint, RedisServer, TOKEN};

/// What reads on: the page, and whoever watches the API.
const STREAMS: [&str; 2] = ["/events", "/v1/approvals:watch"];
const LONG_POLL: &str = "/v1/approvals:watch?wait=60s";

/// Sooner than a reader could learn much.
const SOON: Duration = Duration::from_secs(3);

struct Replicas {
    a: Holdpoint,
    b: Holdpoint,
    http: Client,
    _redis: RedisServer,
}

impl Replicas {
    async fn start(config: &str) -> Self {
        let redis = RedisServer::start().await;
        let replica = || Holdpoint::start(config, Some(&redis));
        let (a, b) = tokio::join!(replica(), replica());
        a.reviewer().sees(0).await;
        b.reviewer().sees(0).await;
        let http = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { a, b, http, _redis: redis }
    }

    /// The cookie of whoever signs in at the first replica.
    async fn signs_in(&self) -> String {
        let link = format!("{}/?token={TOKEN}", self.a.admin());
        let signed_in = self.http.get(link).send().await.unwrap();
        signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    fn at_b(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.b.admin()))
    }
}

/// A stream that has begun.
async fn begun(request: RequestBuilder) -> Response {
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    stream.chunk().await.unwrap().expect("it begins");
    stream
}

/// Waits until the stream ends, and says after how long.
async fn ends(mut stream: Response, within: Duration) -> Duration {
    let since = Instant::now();
    let read = async { while let Ok(Some(_)) = stream.chunk().await {} };
    timeout(within, read).await.unwrap_or_else(|_| panic!("{} still goes on", stream.url()));
    since.elapsed()
}

#[tokio::test]
async fn signing_out_at_one_replica_ends_what_was_being_read_at_another() {
    let replicas = Replicas::start("").await;
    let (leaves, stays) = (replicas.signs_in().await, replicas.signs_in().await);
    let as_one = |cookie: &str, path: &str| replicas.at_b(path).header("cookie", cookie);
    let mut streams = Vec::new();
    for path in STREAMS {
        streams.push(begun(as_one(&leaves, path)).await);
    }
    let mut other = begun(as_one(&stays, STREAMS[0])).await;
    let polled = tokio::spawn(as_one(&leaves, LONG_POLL).send());

    let origin = replicas.a.admin();
    let leaving = replicas.http.post(format!("{origin}/logout")).header("origin", origin);
    let left = leaving.header("cookie", &leaves).send().await.unwrap();
    assert_eq!(left.status(), StatusCode::SEE_OTHER);
    for stream in streams {
        let path = stream.url().path().to_owned();
        println!("{path} ended {:?} after its reader had signed out", ends(stream, SOON).await);
    }
    let polled = timeout(SOON, polled).await.expect("it does not wait on").unwrap().unwrap();
    assert_eq!(polled.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(as_one(&leaves, STREAMS[0]).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let goes_on = timeout(SOON, async { while other.chunk().await.unwrap().is_some() {} }).await;
    assert!(goes_on.is_err(), "another session of the same person is another one");
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_what_was_being_read_with_it() {
    let replicas = Replicas::start("").await;
    let tokens = format!("{}/v1/tokens", replicas.a.admin());
    let wanted = json!({ "subject": "ci", "roles": ["reviewer"], "groups": null, "days": 1 });
    let made = replicas.http.post(&tokens).bearer_auth(TOKEN).json(&wanted).send().await.unwrap();
    let made: Value = made.json().await.unwrap();
    let token = made["token"].as_str().unwrap_or_else(|| panic!("{made}"));
    let mut streams = Vec::new();
    for path in STREAMS {
        streams.push(begun(replicas.at_b(path).bearer_auth(token)).await);
    }
    let polled = tokio::spawn(replicas.at_b(LONG_POLL).bearer_auth(token).send());
    let revoke = replicas.http.delete(format!("{tokens}/{}", made["id"].as_str().unwrap()));
    assert!(revoke.bearer_auth(TOKEN).send().await.unwrap().status().is_success());
    for stream in streams {
        ends(stream, SOON).await;
    }
    let polled = timeout(SOON, polled).await.expect("it does not wait on").unwrap().unwrap();
    assert_eq!(polled.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn reading_a_stream_keeps_no_session_alive() {
    for limits in ["idle: 2s", "absolute: 2s"] {
        let replicas = Replicas::start(&format!("admin: {{ sessions: {{ {limits} }} }}")).await;
        let cookie = replicas.signs_in().await;
        let stream = begun(replicas.at_b(STREAMS[0]).header("cookie", &cookie)).await;
        println!("{limits}: it ended after {:?}", ends(stream, Duration::from_secs(2) + SOON).await);
    }
}
