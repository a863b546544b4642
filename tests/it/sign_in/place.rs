//! Two replicas of the built program, whose people sign in at a real provider.

use serde_json::Value;
use tempfile::TempDir;

use crate::support::authority::Authority;
use crate::support::browser::Browser;
use crate::support::eventually::eventually;
use crate::support::processes::{OidcProvider, RedisServer, Running, free_port, serve};

/// One replica, whose people sign in at a provider.
pub struct Replica {
    pub url: String,
    pub running: Running,
    _folder: TempDir,
}

impl Replica {
    async fn start(
        provider: &OidcProvider,
        ca: Option<&Authority>,
        port: u16,
        public: u16,
        redis: &RedisServer,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "the-secret-of-holdpoint\n").unwrap();
        let ca = ca.map_or_else(String::new, |ca| format!("    ca_file: {}/root\n", ca.folder().display()));
        let config = format!(
            "admin:\n  url: http://127.0.0.1:{public}\n  oidc:\n    name: Example\n    issuer: {}\n    client_id: holdpoint\n    \
             client_secret_file: {}\n    scopes: [groups]\n    audiences: ['https://holdpoint.example']\n    \
             cli_client_id: holdpoint-cli\n{ca}  roles: {{ operator: [platform-admins] }}\n",
            provider.issuer(),
            secret.display()
        );
        let file = folder.path().join("holdpoint.yaml");
        std::fs::write(&file, config).unwrap();
        let (file, listen, redis) =
            (file.to_str().unwrap().to_owned(), format!("127.0.0.1:{port}"), redis.url());
        let args = [
            "--config",
            &file,
            "--ext-authz-listen",
            "127.0.0.1:0",
            "--admin-listen",
            &listen,
            "--redis-url",
            &redis,
        ];
        let running = serve(&[], &args);
        let url = format!("http://{listen}");
        eventually("the replica and its store to be up", async || {
            let ready: Value = reqwest::get(format!("{url}/readyz")).await.ok()?.json().await.ok()?;
            (ready["status"] == "ready").then_some(())
        })
        .await;
        Self { url, running, _folder: folder }
    }

    /// What this replica says to a session's cookie.
    pub async fn whoami(&self, session: &str) -> (u16, Value) {
        let request = reqwest::Client::new().get(format!("{}/v1/whoami", self.url)).header("cookie", session);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

pub struct Place {
    pub a: Replica,
    pub b: Replica,
    pub provider: OidcProvider,
    pub redis: RedisServer,
}

impl Place {
    /// Two replicas; the issuer sends everybody back to the second.
    pub async fn start() -> Self {
        Self::with(OidcProvider::stopped(), None).await
    }

    /// The same with an issuer whose certificate nobody believes who was not given this authority. The first replica was.
    pub async fn start_behind(authority: &Authority) -> Self {
        Self::with(OidcProvider::stopped_behind(authority), Some(authority)).await
    }

    async fn with(mut provider: OidcProvider, ca: Option<&Authority>) -> Self {
        let (first, second) = (free_port(), free_port());
        let public = if ca.is_some() { first } else { second };
        provider.runs(&format!("http://127.0.0.1:{public}/login/callback")).await;
        let redis = RedisServer::start().await;
        let a = Replica::start(&provider, ca, first, public, &redis).await;
        let b = Replica::start(&provider, None, second, public, &redis).await;
        Self { a, b, provider, redis }
    }
}

/// Signs in as this person on the provider's own pages.
pub async fn signs_in(browser: &Browser, name: &str) {
    browser.types("input[name=login]", name).await;
    browser.types("input[name=password]", "any").await;
    browser.clicks("button[type=submit]").await;
    browser.misses("input[name=login]").await;
}
