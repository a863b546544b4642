//! Builds everything out of the configuration, serves, and leaves.

mod access;
mod auditing;
mod leaving;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;

pub use self::access::{Access, NoAccess};
use self::leaving::{Leaving, Signals};
use crate::admin;
use crate::approvals::{self, Approvals, Waiters};
use crate::audit::Audit;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Loaded, RedisConfig, Span};
use crate::domain::audit::{Event, Note, Sha256Hex};
use crate::domain::ids::{QueueName, ReplicaId};
use crate::domain::policy::Policy;
use crate::ext_authz::{self, Gate, listener};
use crate::store::memory::MemoryStore;
use crate::store::redis::{RedisStore, Settings as RedisSettings};
use crate::store::{ApprovalStore, AuditLog};

/// Serves until the process is told to leave (SIGTERM or Ctrl-C); a second signal leaves at once.
///
/// # Errors
/// An address cannot be listened on, or a setting makes no sense.
pub async fn serve(loaded: Loaded, access: Access) -> anyhow::Result<()> {
    let Loaded { config, policy, digest } = loaded;
    // Bound first: who cannot listen should not show up in Redis.
    let gate_listener = bind("gateways", config.ext_authz.listen).await?;
    let admin_listener = bind("reviewers", config.admin.listen).await?;
    let admin_address = admin_listener.local_addr()?;
    let url = config.admin.url.clone().unwrap_or_else(|| format!("http://{admin_address}"));

    let mut signals = Signals::new()?;
    let (leaving, health) = (Leaving::default(), listener::Health::default());
    let (approvals, audit) = approvals(&config, &policy, digest).await?;
    leaving.tasks.spawn({
        let (audit, stop) = (Arc::clone(&audit), leaving.stop.clone());
        async move { audit.run(stop).await }
    });
    leaving.tasks.spawn({
        let (approvals, stop) = (Arc::clone(&approvals), leaving.stop.clone());
        async move { approvals.run(stop).await }
    });

    let settings = ext_authz::Settings {
        identity: config.identity,
        max_body: config.ext_authz.max_body,
        keep_headers: config.ext_authz.keep_headers,
        leave_parked: config.shutdown.parked,
        reviewers_url: config.admin.url.clone(),
    };
    let limits =
        listener::Settings { body_limit: config.ext_authz.max_body, ..listener::Settings::default() };
    tracing::info!(address = %gate_listener.local_addr()?, "gateways can connect");
    let gate = Gate::new(policy, Arc::clone(&approvals), settings);
    let gates = listener::serve(gate_listener, gate, limits, health.clone(), leaving.no_new_calls.clone());
    leaving.gates.spawn(async move {
        if let Err(error) = gates.await {
            tracing::error!(%error, "gateways can no longer connect");
        }
    });

    let settings = admin::Settings {
        allowed_hosts: access.hosts(admin_address, config.admin.url.as_deref()),
        secure_cookie: url.starts_with("https://"),
        authentication: access.authentication(),
        store: if config.redis.is_some() { admin::StoreKind::Redis } else { admin::StoreKind::Embedded },
    };
    let router = admin::router(Arc::clone(&approvals), audit, settings, leaving.not_ready.clone());
    let reviewers = admin::serve(admin_listener, router, leaving.stop.clone());
    leaving.tasks.spawn(async move {
        if let Err(error) = reviewers.await {
            tracing::error!(%error, "reviewers can no longer connect");
        }
    });
    access.announce(&url);
    leaving.tasks.spawn(access.remind(leaving.stop.clone()));

    signals.next().await;
    leaving.leave(config.shutdown, approvals, health, &mut signals).await;
    Ok(())
}

async fn bind(whom: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} for {whom}"))
}

async fn approvals(
    config: &Config,
    policy: &Policy,
    digest: Sha256Hex,
) -> anyhow::Result<(Arc<Approvals>, Arc<Audit>)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (waiters, replica) = (Arc::new(Waiters::default()), ReplicaId::random());
    let retention = config.retention.get();
    let (store, log): (Arc<dyn ApprovalStore>, Arc<dyn AuditLog>) = match &config.redis {
        Some(redis) => {
            let mut queues: Vec<QueueName> = policy.terms().map(|terms| terms.queue.clone()).collect();
            queues.sort();
            queues.dedup();
            let settings = redis_settings(redis, digest)?;
            RedisStore::check(&settings).await?;
            let store = Arc::new(RedisStore::start(settings, replica, queues, waiters.clone(), retention)?);
            (store.clone(), store)
        }
        None => {
            tracing::warn!("no Redis is configured: approvals live in this process and end with it");
            let store = Arc::new(MemoryStore::new(Arc::clone(&clock), waiters.clone(), retention));
            (store.clone(), store)
        }
    };
    let audit = Audit::new(log, Arc::clone(&clock), replica, auditing::settings(&config.audit)?);
    let settings =
        approvals::Settings { patience: config.ext_authz.patience.get(), caps: config.limits.into() };
    let approvals = Approvals::new(store, waiters, clock, replica, settings);
    let started = Note::new(Event::Started).with("version", env!("CARGO_PKG_VERSION"));
    approvals.note(started.with("policy", digest.to_string()).with("replica", replica.to_string()));
    Ok((approvals, audit))
}

fn redis_settings(config: &RedisConfig, policy: Sha256Hex) -> anyhow::Result<RedisSettings> {
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
        policy: policy.to_string(),
    })
}
