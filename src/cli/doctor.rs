//! `holdpoint doctor`

mod endpoints;
mod finding;
mod gate;
mod lint;
mod service;
mod store;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use self::finding::{Finding, Level};
use self::gate::Gate;
use super::exit::Exit;
use super::reviewing::Remote;
use crate::config::{Config, Loaded, RedisConfig, Span};

/// Look at everything that approvals depend on: Redis, the service, and the gateway in front of it
#[derive(Debug, Args)]
#[command(after_help = LEGS)]
pub struct Doctor {
    #[command(flatten)]
    service: Remote,
    /// The configuration of the service: its Redis, its issuer and the collectors that the environment names are looked at
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The Redis to look at; HOLDPOINT_REDIS_URL too is used in place of the one in --config, as `serve` does
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// A gated MCP endpoint of the gateway, to send probes to
    #[arg(long, value_name = "URL")]
    gateway: Option<String>,
    /// A header that the gateway wants, such as "authorization: Bearer ..."; may be given again
    #[arg(long, value_name = "HEADER")]
    gateway_header: Vec<String>,
    /// The gateway's own configuration, for what cannot be seen from outside (Envoy, agentgateway or its Kubernetes policy)
    #[arg(long, value_name = "FILE")]
    gateway_config: Option<PathBuf>,
    /// How long the gateway has to keep a probe waiting; as long as the longest hold proves most
    #[arg(long, value_name = "SPAN", default_value = "3s", value_parser = span)]
    hold: Duration,
}

const LEGS: &str = "\
Each part is looked at that is named. Probes call the reserved tool holdpoint.probe: they wait where no reviewer looks and are
refused in any case.

Exit codes:
  0  nothing is wrong; there may be warnings
  1  something is wrong
  2  wrong usage";

fn span(text: &str) -> Result<Duration, String> {
    let span: Result<Span<0>, _> = serde_json::from_value(text.into());
    span.map(Span::get).map_err(|error| error.to_string())
}

impl Doctor {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        match self.findings() {
            Ok(findings) => {
                finding::print(&findings, self.service.json());
                let wrong = findings.iter().any(|finding| finding.level == Level::Failed);
                if wrong { Exit::Failure.into() } else { Exit::Ok.into() }
            }
            Err(error) => {
                anstream::eprintln!("holdpoint: {error:#}");
                Exit::Usage.into()
            }
        }
    }

    fn findings(&self) -> anyhow::Result<Vec<Finding>> {
        let loaded = self.config.as_deref().map(Config::load).transpose()?;
        let mut found = Vec::new();
        if let Some(redis) = self.redis(loaded.as_ref()) {
            found.extend(store::findings(&redis)?);
        }
        if let Some(loaded) = &loaded {
            found.extend(endpoints::issuer(&loaded.config.admin));
            found.extend(endpoints::collectors()?);
        }
        let client = self.service.client()?;
        found.extend(service::findings(&client));
        if let Some(url) = &self.gateway {
            let gate = Gate::new(url, &self.gateway_header, self.hold).context("--gateway-header")?;
            found.extend(gate.findings(&client));
        }
        match &self.gateway_config {
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
                let longest = loaded.as_ref().map_or(lint::USUAL_HOLD, longest_hold);
                found.extend(lint::findings(&text, longest).with_context(|| path.display().to_string())?);
            }
            None if self.gateway.is_some() => found.push(Finding::unseen(
                "gateway.failure",
                "whether the gateway lets requests through when Holdpoint is away, and whether it asks another replica, \
                 cannot be seen from outside: give its configuration with --gateway-config",
            )),
            None => {}
        }
        Ok(found)
    }

    fn redis(&self, loaded: Option<&Loaded>) -> Option<RedisConfig> {
        let from_environment = || loaded.and_then(|_| std::env::var("HOLDPOINT_REDIS_URL").ok());
        let configured = loaded.and_then(|loaded| loaded.config.redis.clone());
        match (self.redis_url.clone().or_else(from_environment), configured) {
            (Some(url), Some(redis)) => Some(RedisConfig { url, ..redis }),
            (Some(url), None) => Some(RedisConfig::at(url)),
            (None, configured) => configured,
        }
    }
}

fn longest_hold(loaded: &Loaded) -> Duration {
    loaded.policy.terms().map(|terms| terms.hold).max().unwrap_or(lint::USUAL_HOLD)
}
