//! What is counted and measured: one list, one method an event.
//!
//! The same instruments are read by Prometheus at `/metrics` and, where a receiver is named, by OTLP, under the same
//! names. No label has a value that a client chose.

mod instruments;

use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{MeterProviderBuilder, SdkMeterProvider};
use prometheus::{Registry, TextEncoder};

pub use self::instruments::{Kind, LIST, Metric, Metrics};
use super::spans::is_told;
use crate::domain::approval::{Approval, State};
use crate::domain::audit::{Chain, Event};
use crate::domain::decision::Verdict;
use crate::domain::ids::QueueName;
use crate::domain::outcome::{Outcome, StillOpen};

/// Where Prometheus looks.
static REGISTRY: OnceLock<Registry> = OnceLock::new();

/// What events are told to. Before [`super::start`] nobody listens.
static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics::of(&global::meter("holdpoint")));

/// What events are told to.
pub fn metrics() -> &'static Metrics {
    &METRICS
}

/// All metrics in the text format of Prometheus.
pub fn as_text() -> String {
    let families = REGISTRY.get().map(Registry::gather).unwrap_or_default();
    TextEncoder::new().encode_to_string(&families).unwrap_or_default()
}

/// Begins to count, for Prometheus and for whoever reads beside.
pub(super) fn start(readers: MeterProviderBuilder, resource: Resource) -> SdkMeterProvider {
    let registry = REGISTRY.get_or_init(Registry::new);
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        // The names are complete as they stand, so that OTLP has the same.
        .without_units()
        .without_counter_suffixes()
        .without_target_info()
        .scope_info_enabled(false)
        .build()
        .expect("a registry of its own takes its first collector");
    readers.with_reader(exporter).with_resource(resource).build()
}

impl Metrics {
    /// A Check was answered without asking anybody.
    pub fn answered_at_once(&self, after: Duration) {
        self.check.record(after.as_secs_f64(), &[]);
    }

    /// A Check was refused.
    pub fn refused(&self, code: &'static str) {
        if is_told() {
            self.refusals.add(1, &[KeyValue::new("reason_code", code)]);
        }
    }

    /// A decision was recorded.
    pub fn decided(&self, verdict: Verdict) {
        self.decisions.add(1, &[KeyValue::new("verdict", verdict.as_str())]);
    }

    /// A call that waited was claimed: by the store's clock, so long after the decision.
    pub fn claimed(&self, standing: &Approval) {
        if let (State::Released { at, .. }, Some(vote)) = (standing.state, standing.deciding_vote()) {
            self.release.record(at.duration_since(vote.at).as_secs_f64(), &[]);
        }
    }

    /// So many approvals of a queue are open, the oldest of them for so long.
    pub fn queue(&self, name: &QueueName, open: u64, oldest: Duration) {
        let queue = [KeyValue::new("queue", name.to_string())];
        self.queue_length.record(open as f64, &queue);
        self.queue_oldest.record(oldest.as_secs_f64(), &queue);
    }

    /// The store answered, or failed to.
    pub fn stored(&self, transition: &'static str, is_ok: bool, after: Duration) {
        let transition = [KeyValue::new("transition", transition)];
        self.store.record(after.as_secs_f64(), &transition);
        if !is_ok {
            self.store_errors.add(1, &transition);
        }
    }

    /// A change was found by looking that no message told of.
    pub fn doorbell_missed(&self) {
        self.doorbells_missed.add(1, &[]);
    }

    /// So many approvals are subscribed to.
    pub fn subscribed(&self, approvals: usize) {
        self.subscriptions.record(approvals as f64, &[]);
    }

    /// This replica has shown its sign of life.
    pub fn lease_renewed(&self) {
        self.lease_renewed.record(now(), &[]);
    }

    /// A probe of this replica by itself went well, or wrong.
    pub fn sang(&self, well: bool) {
        match well {
            true => self.canary_well.record(now(), &[]),
            false => self.canary_failures.add(1, &[]),
        }
    }

    /// A note was left out of the audit.
    pub fn left_out_of_audit(&self, event: Event) {
        self.audit_left_out.add(1, &[KeyValue::new("event", event.as_str())]);
    }

    /// A chain has so many entries.
    pub fn sealed(&self, chain: &Chain, entries: u64) {
        self.audit_sealed.record(entries as f64, &[KeyValue::new("chain", chain.to_string())]);
    }

    /// The store has lost entries of a chain.
    pub fn forked(&self, chain: &Chain) {
        self.audit_forked.add(1, &[KeyValue::new("chain", chain.to_string())]);
    }

    /// A sink has taken so many lines.
    pub fn shipped(&self, sink: &str, lines: usize) {
        self.audit_shipped.add(lines as u64, &[KeyValue::new("sink", sink.to_owned())]);
    }

    /// A sink has not taken what it was sent.
    pub fn not_shipped(&self, sink: &str) {
        self.audit_errors.add(1, &[KeyValue::new("sink", sink.to_owned())]);
    }

    /// So many entries are not in a sink, the oldest of them so old.
    pub fn behind(&self, sink: &str, entries: u64, oldest: Duration) {
        let sink = [KeyValue::new("sink", sink.to_owned())];
        self.audit_behind.record(entries as f64, &sink);
        self.audit_behind_for.record(oldest.as_secs_f64(), &sink);
    }

    /// So many spans, log lines or readings were not exported.
    pub(super) fn export_dropped(&self, signal: &'static str, n: usize) {
        self.export_dropped.add(n as u64, &[KeyValue::new("signal", signal)]);
    }
}

/// A call that waits on this replica. Dropped without an outcome, its caller has left.
#[derive(Debug)]
pub struct Waiting {
    since: Instant,
    outcome: &'static str,
    is_told: bool,
}

impl Waiting {
    /// From now on.
    pub fn begin() -> Self {
        let is_told = is_told();
        if is_told {
            metrics().parked.add(1, &[]);
        }
        Self { since: Instant::now(), outcome: "caller_gone", is_told }
    }

    /// It has come to this.
    pub fn end(mut self, outcome: &Outcome) {
        self.outcome = word(outcome);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.is_told {
            return;
        }
        let outcome = [KeyValue::new("outcome", self.outcome)];
        metrics().parked.add(-1, &[]);
        metrics().holds.add(1, &outcome);
        metrics().wait.record(self.since.elapsed().as_secs_f64(), &outcome);
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// The word for how an attempt ended.
pub(super) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Released(_) => "released",
        Outcome::Rejected { .. } => "rejected",
        Outcome::Expired { .. } => "expired",
        Outcome::Cancelled { .. } => "cancelled",
        Outcome::Pending { why: StillOpen::Draining, .. } => "shutting_down",
        Outcome::Pending { .. } => "pending",
        Outcome::QueueFull(_) => "queue_full",
        Outcome::StoreUnavailable => "store_unavailable",
    }
}
