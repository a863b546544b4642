//! Builds everything out of the configuration, serves, and leaves.

mod access;
mod auditing;
mod leaving;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub(crate) use self::access::sign_in;
pub use self::access::{Access, NoAccess};
use self::leaving::{Leaving, Signals};
use crate::admin;
use crate::approvals::{self, Approvals, Waiters};
use crate::audit::Audit;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, AdminConfig, Config, Loaded, PolicyConfig, RedisConfig, Span};
use crate::domain::audit::{Event, Note, Sha256Hex};
use crate::domain::ids::{Group, QueueName, ReplicaId};
use crate::domain::policy::Policy;
use crate::domain::probe;
use crate::ext_authz::{self, Gate, canary, listener};
use crate::store::measured::Measured;
use crate::store::memory::{MemoryIdentities, MemoryStore};
use crate::store::redis::{ClientCertificate, RedisStore, Settings as RedisSettings};
use crate::store::{ApprovalStore, AuditLog, Health, IdentityStore};

/// How often a replica asks itself whether its gate holds.
const SING_EVERY: Duration = Duration::from_secs(30);

/// How soon it looks again for a store that is down.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Serves until the process is told to leave (SIGTERM or Ctrl-C); a second signal leaves at once.
///
/// # Errors
/// An address cannot be listened on, or a setting makes no sense.
pub async fn serve(loaded: Loaded, access: Access) -> anyhow::Result<()> {
    let Loaded { config, policy, digest, settings } = loaded;
    // Bound first: who cannot listen should not show up in Redis.
    let gate_listener = bind("gateways", config.ext_authz.listen).await?;
    let admin_listener = bind("reviewers", config.admin.listen).await?;
    let admin_address = admin_listener.local_addr()?;
    let url = config.admin.url.clone().unwrap_or_else(|| format!("http://{admin_address}"));

    let mut signals = Signals::new()?;
    let (leaving, health) = (Leaving::default(), listener::Health::default());
    let Stored { approvals, audit, identities } = stored(&config, &policy, digest).await?;
    let started = Note::new(Event::Started).with("version", env!("CARGO_PKG_VERSION"));
    approvals.note(started.with("policy", digest.to_string()).with("settings", settings.to_string()));
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
    let gate_address = gate_listener.local_addr()?;
    tracing::info!(address = %gate_address, "gateways can connect");
    let gate = Gate::new(policy, Arc::clone(&approvals), settings);
    let gates = listener::serve(gate_listener, gate, limits, health.clone(), leaving.no_new_calls.clone());
    leaving.gates.spawn(async move {
        if let Err(error) = gates.await {
            tracing::error!(%error, "gateways can no longer connect");
        }
    });

    leaving.tasks.spawn(sing(gate_address, Arc::clone(&approvals), leaving.not_ready.clone()));

    let settings = admin::Settings {
        allowed_hosts: access.hosts(admin_address, config.admin.url.as_deref()),
        secure_cookie: url.starts_with("https://"),
        authentication: access.authentication(),
        cards: cards(config.admin, config.policy),
        store: if config.redis.is_some() { admin::StoreKind::Redis } else { admin::StoreKind::Embedded },
    };
    let router =
        admin::router(Arc::clone(&approvals), audit, identities, settings, leaving.not_ready.clone());
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

/// What the operator adds to every card.
fn cards(config: AdminConfig, policy: PolicyConfig) -> admin::CardSettings {
    admin::CardSettings {
        reject_presets: config.reject_presets,
        trace_url: config.trace_url,
        rules: policy.rules.into_iter().map(|rule| (rule.name.value, rule.matches.value)).collect(),
    }
}

async fn bind(whom: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} for {whom}"))
}

/// Makes a probe of this replica now and then, until told to stop.
async fn sing(gate: SocketAddr, approvals: Arc<Approvals>, stop: CancellationToken) {
    let sing = async {
        loop {
            // A store that is known to be down needs no probe to tell it.
            let pause = match approvals.health() {
                Health::Down(_) => LISTEN_AGAIN,
                Health::Up => {
                    let came_to = canary::ask(gate).await;
                    approvals.canary().note(SystemClock.now(), came_to);
                    SING_EVERY
                }
            };
            sleep(pause).await;
        }
    };
    stop.run_until_cancelled(sing).await;
}

/// What serves out of the store.
struct Stored {
    approvals: Arc<Approvals>,
    audit: Arc<Audit>,
    identities: Arc<dyn IdentityStore>,
}

async fn stored(config: &Config, policy: &Policy, digest: Sha256Hex) -> anyhow::Result<Stored> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (waiters, replica) = (Arc::new(Waiters::default()), ReplicaId::random());
    let retention = config.retention.get();
    let (store, log, identities): (Arc<dyn ApprovalStore>, Arc<dyn AuditLog>, Arc<dyn IdentityStore>) =
        match &config.redis {
            Some(redis) => {
                let mut queues: Vec<QueueName> = policy.terms().map(|terms| terms.queue.clone()).collect();
                queues.push(probe::queue());
                queues.sort();
                queues.dedup();
                let settings = RedisSettings { policy: digest.to_string(), ..redis_settings(redis)? };
                RedisStore::check(&settings).await?;
                let store = RedisStore::start(settings, replica, queues, waiters.clone(), retention)?;
                let store = Arc::new(store);
                (Arc::new(Measured(store.clone())), store.clone(), store)
            }
            None => {
                tracing::warn!("no Redis is configured: approvals live in this process and end with it");
                let store = Arc::new(MemoryStore::new(Arc::clone(&clock), waiters.clone(), retention));
                let identities = MemoryIdentities::new(Arc::clone(&clock));
                (Arc::new(Measured(store.clone())), store, Arc::new(identities))
            }
        };
    let audit = Audit::new(log, Arc::clone(&clock), replica, auditing::settings(&config.audit)?);
    let settings = approvals::Settings {
        longest_open: config.limits.longest_open.get(),
        break_glass: config.break_glass.as_ref().map(|glass| Group(glass.group.clone())),
        ..approvals::Settings::new(config.ext_authz.patience.get(), config.limits.into())
    };
    let approvals = Approvals::new(store, waiters, clock, replica, settings);
    Ok(Stored { approvals, audit, identities })
}

/// The settings of the store, out of what the operator said.
pub(crate) fn redis_settings(config: &RedisConfig) -> anyhow::Result<RedisSettings> {
    let read = |path: &PathBuf| {
        std::fs::read(path).with_context(|| format!("a certificate of redis: {}", path.display()))
    };
    let client = |files: &config::ClientCertificate| {
        Ok::<_, anyhow::Error>(ClientCertificate {
            certificate: read(&files.cert_file)?,
            key: read(&files.key_file)?,
        })
    };
    let defaults = RedisSettings::default();
    Ok(RedisSettings {
        url: config.url.clone(),
        ca: config.ca_file.as_ref().map(read).transpose()?,
        client: config.client_certificate.as_ref().map(client).transpose()?,
        prefix: config.prefix.clone(),
        command_timeout: config.command_timeout.get(),
        pool_size: config.pool_size,
        wait_replicas: config.wait_replicas,
        wait_timeout: config.wait_timeout.map_or(defaults.wait_timeout, Span::get),
        policy: defaults.policy,
    })
}
