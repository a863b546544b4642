//! Builds everything out of the configuration, serves, and leaves.

mod access;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::access::{Access, NoAccess};
use crate::admin;
use crate::approvals::{self, Approvals, Waiters};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Loaded, RedisConfig, Span};
use crate::domain::ids::{QueueName, ReplicaId};
use crate::domain::policy::Policy;
use crate::ext_authz::{self, Gate, listener};
use crate::store::ApprovalStore;
use crate::store::memory::MemoryStore;
use crate::store::redis::{RedisStore, Settings as RedisSettings};

/// How long parked calls may take to be answered and written down when the process is told to leave.
const DRAIN: Duration = Duration::from_secs(5);

/// Serves until the process is told to leave (SIGTERM or Ctrl-C); a second signal leaves at once.
///
/// # Errors
/// An address cannot be listened on, or a setting makes no sense.
pub async fn serve(loaded: Loaded, access: Access) -> anyhow::Result<()> {
    let Loaded { config, policy } = loaded;
    // Bound first: who cannot listen should not show up in Redis.
    let gate_listener = bind("gateways", config.ext_authz.listen).await?;
    let admin_listener = bind("reviewers", config.admin.listen).await?;
    let admin_address = admin_listener.local_addr()?;
    let url = config.admin.url.clone().unwrap_or_else(|| format!("http://{admin_address}"));

    let (leaving, stop) = (CancellationToken::new(), CancellationToken::new());
    let tasks = TaskTracker::new();
    let approvals = approvals(&config, &policy).await?;
    tasks.spawn({
        let (approvals, stop) = (Arc::clone(&approvals), stop.clone());
        async move { approvals.run(stop).await }
    });

    let settings = ext_authz::Settings {
        identity: config.identity,
        max_body: config.ext_authz.max_body,
        keep_headers: config.ext_authz.keep_headers,
        reviewers_url: config.admin.url.clone(),
    };
    let limits =
        listener::Settings { body_limit: config.ext_authz.max_body, ..listener::Settings::default() };
    let health = listener::Health::default();
    tracing::info!(address = %gate_listener.local_addr()?, "gateways can connect");
    tasks.spawn({
        let gate = Gate::new(policy, Arc::clone(&approvals), settings);
        let (health, stop) = (health.clone(), stop.clone());
        async move {
            listener::serve(gate_listener, gate, limits, health, stop).await.map_err(anyhow::Error::from)
        }
    });

    let kind = if config.redis.is_some() { admin::StoreKind::Redis } else { admin::StoreKind::Embedded };
    let settings = admin::Settings {
        allowed_hosts: access.hosts(admin_address, config.admin.url.as_deref()),
        secure_cookie: url.starts_with("https://"),
        authentication: access.authentication(),
        store: kind,
    };
    let router = admin::router(Arc::clone(&approvals), settings, leaving.clone());
    tasks.spawn({
        let stop = stop.clone();
        async move { admin::serve(admin_listener, router, stop).await.map_err(anyhow::Error::from) }
    });
    access.announce(&url);
    tasks.spawn(access.remind(stop.clone()));
    tasks.close();

    let mut signals = Signals::new()?;
    signals.next().await;
    tracing::info!("leaving: parked calls are told to come back");
    health.not_serving().await;
    leaving.cancel();
    let left = async {
        approvals.drain().await;
        stop.cancel();
        tasks.wait().await;
    };
    tokio::select! {
        () = left => {}
        () = tokio::time::sleep(DRAIN) => tracing::warn!("not everything was written down in time"),
        () = signals.next() => tracing::warn!("left at once"),
    }
    Ok(())
}

async fn bind(whom: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} for {whom}"))
}

async fn approvals(config: &Config, policy: &Policy) -> anyhow::Result<Arc<Approvals>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (waiters, replica) = (Arc::new(Waiters::default()), ReplicaId::random());
    let retention = config.retention.get();
    let store: Arc<dyn ApprovalStore> = match &config.redis {
        Some(redis) => {
            let mut queues: Vec<QueueName> = policy.terms().map(|terms| terms.queue.clone()).collect();
            queues.sort();
            queues.dedup();
            let settings = redis_settings(redis)?;
            RedisStore::check(&settings).await?;
            Arc::new(RedisStore::start(settings, replica, queues, waiters.clone(), retention)?)
        }
        None => {
            tracing::warn!("no Redis is configured: approvals live in this process and end with it");
            Arc::new(MemoryStore::new(Arc::clone(&clock), waiters.clone(), retention))
        }
    };
    let settings =
        approvals::Settings { patience: config.ext_authz.patience.get(), caps: config.limits.into() };
    Ok(Approvals::new(store, waiters, clock, replica, settings))
}

fn redis_settings(config: &RedisConfig) -> anyhow::Result<RedisSettings> {
    let read =
        |path: &PathBuf| std::fs::read(path).with_context(|| format!("redis.ca_file {}", path.display()));
    let defaults = RedisSettings::default();
    Ok(RedisSettings {
        url: config.url.clone(),
        ca: config.ca_file.as_ref().map(read).transpose()?,
        prefix: config.prefix.clone(),
        command_timeout: config.command_timeout.get(),
        pool_size: config.pool_size,
        wait_replicas: config.wait_replicas,
        wait_timeout: config.wait_timeout.map_or(defaults.wait_timeout, Span::get),
    })
}

/// SIGTERM, as process managers send it, and Ctrl-C.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
