//! Asks an issuer, over HTTP.

use std::time::Duration;

use oauth2::{HttpRequest, HttpResponse};
use serde_json::Value;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::admin::identity::oauth::send;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer that is read.
const LARGEST: u64 = 1 << 20;

/// A client for one issuer. Its calls block: see [`Http::blocking`].
#[derive(Clone)]
pub(in crate::admin::identity) struct Http(Agent);

impl Http {
    pub(super) fn new(issuer: &str, ca: Option<&[u8]>) -> Self {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would lead the client's secret to where the operator did not point us.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(PATIENCE));
        if issuer.starts_with("http://") {
            // That is on loopback, and a proxy has its own loopback.
            config = config.proxy(None);
        }
        if let Some(ca) = ca {
            let roots = RootCerts::new_with_certs(&certificates(ca));
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Self(config.build().into())
    }

    /// Does this on a thread that may block.
    pub(super) async fn blocking<T: Send + 'static>(
        self,
        ask: impl FnOnce(&Self) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        tokio::task::spawn_blocking(move || ask(&self)).await.map_err(|error| error.to_string())?
    }

    /// The JSON document at this address, for whoever has this token.
    pub(super) fn get(&self, url: &str, token: Option<&str>) -> Result<Value, String> {
        let wrong = |error: ureq::Error| format!("{url}: {error}");
        let request = match token {
            Some(token) => self.0.get(url).header("authorization", format!("Bearer {token}")),
            None => self.0.get(url),
        };
        let answer = request.call().map_err(wrong)?;
        if !answer.status().is_success() {
            return Err(format!("{url} answers with status {}", answer.status()));
        }
        let text = answer.into_body().into_with_config().limit(LARGEST).read_to_string().map_err(wrong)?;
        serde_json::from_str(&text).map_err(|error| format!("{url}: {error}"))
    }

    /// What the OAuth crate wants to be sent.
    pub(in crate::admin::identity) fn send(&self, request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
        send(&self.0, request)
    }
}

fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    let items = parse_pem(pem).filter_map(Result::ok);
    items.filter_map(|item| if let PemItem::Certificate(one) = item { Some(one) } else { None }).collect()
}
