//! How the process leaves: others are told one after the other, so that nobody is cut off who could be served.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::approvals::Approvals;
use crate::config::ShutdownConfig;
use crate::ext_authz::listener::Health;

/// How long it may take to send the last answers and to write down who has left.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// What is told to whom when the process leaves, in this order.
#[derive(Clone, Default)]
pub(super) struct Leaving {
    /// Health checks: do not send anything new here.
    pub(super) not_ready: CancellationToken,
    /// Gateways, by GOAWAY: no new calls are taken.
    pub(super) no_new_calls: CancellationToken,
    /// Everybody else.
    pub(super) stop: CancellationToken,
    /// What ends with the last call.
    pub(super) gates: TaskTracker,
    /// What ends with the process.
    pub(super) tasks: TaskTracker,
}

impl Leaving {
    /// Leaves, in phases; returns when everything has ended, or at a second signal.
    pub(super) async fn leave(
        self,
        config: ShutdownConfig,
        approvals: Arc<Approvals>,
        health: Health,
        signals: &mut Signals,
    ) {
        let left = async {
            tracing::info!(parked = approvals.parked(), "leaving: other replicas should take new calls");
            health.not_serving().await;
            self.not_ready.cancel();
            sleep(config.grace.get()).await;

            self.no_new_calls.cancel();
            self.gates.close();
            if timeout(config.drain.get(), self.gates.wait()).await.is_err() {
                tracing::info!(parked = approvals.parked(), "what still waits is told to come back");
            }
            let last = async {
                approvals.drain().await;
                self.gates.wait().await;
                self.stop.cancel();
                self.tasks.close();
                self.tasks.wait().await;
            };
            if timeout(LAST_ANSWERS, last).await.is_err() {
                tracing::warn!("not everything was answered and written down in time");
            }
        };
        tokio::select! {
            () = left => {}
            () = signals.next() => tracing::warn!("left at once"),
        }
    }
}

/// SIGTERM, as process managers send it, and Ctrl-C.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Ends when the process is told to leave.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
