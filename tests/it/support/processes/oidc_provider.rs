//! A real OpenID Connect provider.

use serde_json::Value;

use super::{Running, free_port, installed, source};
use crate::support::eventually::eventually;

/// `oidc-provider`, which knows the client `holdpoint` and two others: see `tests/e2e/oidc_provider.mjs`.
pub struct OidcProvider {
    issuer: String,
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
        Self { issuer: format!("http://localhost:{}", free_port()), running: None }
    }

    /// Starts it.
    pub async fn runs(&mut self, redirect: &str) {
        let (_, port) = self.issuer.rsplit_once(':').expect("a port");
        let (script, packages) = (source("oidc_provider.mjs"), installed("oidc"));
        let paths = [script, packages].map(|path| path.to_str().expect("the path is UTF-8").to_owned());
        let args = paths.into_iter().chain([port.to_owned(), redirect.to_owned()]);
        let running = Running::start("oidc-provider", &installed("bin/node"), args);
        eventually("the provider to listen", async || running.stdout().contains("listening").then_some(()))
            .await;
        self.running = Some(running);
    }

    /// How it names itself.
    pub fn issuer(&self) -> &str {
        &self.issuer
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
