//! A real OpenID Connect provider.

use reqwest::StatusCode;
use serde_json::Value;

use super::{Running, free_port, installed, source};
use crate::support::authority::Authority;
use crate::support::eventually::eventually;

/// `oidc-provider`, which knows the client `holdpoint` and two others: see `tests/e2e/oidc_provider.mjs`.
pub struct OidcProvider {
    issuer: String,
    /// How it is told its certificate and its key, where it speaks TLS.
    tls: Vec<String>,
    running: Option<Running>,
}

impl OidcProvider {
    /// Starts one that sends browsers back to this address.
    pub async fn start(redirect: &str) -> Self {
        let mut provider = Self::stopped();
        provider.runs(redirect).await;
        provider
    }

    /// One that does not run yet.
    pub fn stopped() -> Self {
        // By name, so that to a browser it is another site than what listens on 127.0.0.1.
        Self { issuer: format!("http://localhost:{}", free_port()), tls: Vec::new(), running: None }
    }

    /// One with a certificate of this authority, that does not run yet.
    pub fn stopped_behind(authority: &Authority) -> Self {
        let file = |name| authority.folder().join(name).to_str().expect("the path is UTF-8").to_owned();
        let tls = ["--tls".to_owned(), file("certificate"), file("key")].to_vec();
        Self { issuer: format!("https://localhost:{}", free_port()), tls, running: None }
    }

    /// Starts it, to send browsers back to this address.
    pub async fn runs(&mut self, redirect: &str) {
        let (_, port) = self.issuer.rsplit_once(':').expect("a port");
        let (script, packages) = (source("oidc_provider.mjs"), installed("oidc"));
        let paths = [script, packages].map(|path| path.to_str().expect("the path is UTF-8").to_owned());
        let args = paths.into_iter().chain([port.to_owned(), redirect.to_owned()]).chain(self.tls.clone());
        let running = Running::start("oidc-provider", &installed("bin/node"), args);
        eventually("the provider to listen", async || running.stdout().contains("listening").then_some(()))
            .await;
        self.running = Some(running);
    }

    /// How it names itself.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// How it answers to a refresh token of `holdpoint login`.
    pub async fn renews(&self, refresh_token: &str) -> StatusCode {
        let form = format!("grant_type=refresh_token&client_id=holdpoint-cli&refresh_token={refresh_token}");
        let request = reqwest::Client::new()
            .post(format!("{}/token", self.issuer))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        request.send().await.expect("it answers").status()
    }

    /// A token (JWT) for this audience, of the script `deploy-bot`.
    pub async fn token_of_a_script(&self, audience: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&resource={}",
            audience.replace(':', "%3A").replace('/', "%2F")
        );
        let request = reqwest::Client::new()
            .post(format!("{}/token", self.issuer))
            .basic_auth("deploy-bot", Some("the-secret-of-the-bot"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let mut answer: Value = request.send().await.expect("it answers").json().await.expect("JSON");
        serde_json::from_value(answer["access_token"].take()).unwrap_or_else(|_| panic!("no token: {answer}"))
    }
}
