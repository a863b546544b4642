//! `holdpoint serve`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{Config, Loaded, RedisConfig};
use crate::server::{self, Access};
use crate::telemetry::{self, LogFormat};

/// Serve gateways and reviewers
#[derive(Debug, Args)]
pub struct Serve {
    /// The configuration file (YAML); what follows here or in the environment overrides it
    #[arg(long, env = "HOLDPOINT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where gateways connect, gRPC [default: 0.0.0.0:9001]
    #[arg(long, env = "HOLDPOINT_EXT_AUTHZ_LISTEN", value_name = "ADDRESS")]
    ext_authz_listen: Option<SocketAddr>,
    /// Where reviewers connect, HTTP [default: 127.0.0.1:8081]
    #[arg(long, env = "HOLDPOINT_ADMIN_LISTEN", value_name = "ADDRESS")]
    admin_listen: Option<SocketAddr>,
    /// The address that reviewers use, for links
    #[arg(long, env = "HOLDPOINT_ADMIN_URL", value_name = "URL")]
    admin_url: Option<String>,
    /// The Redis that all replicas share; without it approvals live in this process
    #[arg(long, env = "HOLDPOINT_REDIS_URL", value_name = "URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// A token for one reviewer of all groups; the environment is the better place for it
    #[arg(long, env = "HOLDPOINT_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Let everybody who can connect to the admin side decide
    #[arg(long)]
    insecure_no_auth: bool,
    /// Which log lines are written, in the syntax of RUST_LOG
    #[arg(long, env = "HOLDPOINT_LOG", value_name = "FILTER", default_value = "info")]
    log: String,
    /// How log lines are written
    #[arg(long, env = "HOLDPOINT_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

impl Serve {
    /// Serves until told to leave.
    ///
    /// # Errors
    /// The configuration makes no sense, or an address cannot be listened on.
    pub fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let telemetry = {
            let _within = runtime.enter();
            telemetry::start(self.log_format, &self.log)?
        };
        let mut loaded = match &self.config {
            Some(path) => Config::load(path)?,
            None => Config::read("", Path::new("(no configuration file)"))?,
        };
        self.override_in(&mut loaded);
        for warning in loaded.config.warnings() {
            tracing::warn!("{warning}");
        }
        let access = Access::decide(&loaded.config.admin, self.token, self.insecure_no_auth)?;
        let served = runtime.block_on(server::serve(loaded, access));
        telemetry.shut_down();
        served
    }

    fn override_in(&self, loaded: &mut Loaded) {
        let config = &mut loaded.config;
        config.ext_authz.listen = self.ext_authz_listen.unwrap_or(config.ext_authz.listen);
        config.admin.listen = self.admin_listen.unwrap_or(config.admin.listen);
        if let Some(url) = &self.admin_url {
            config.admin.url = Some(url.clone());
        }
        if let Some(url) = &self.redis_url {
            match &mut config.redis {
                Some(redis) => redis.url.clone_from(url),
                None => config.redis = Some(RedisConfig::at(url.clone())),
            }
        }
    }
}
