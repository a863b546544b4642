//! The list of all metrics. Names follow the practice of Prometheus: base units, `_total` for what only rises.

use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter};

/// One metric, as documents and dashboards name it.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only rises.
    Count,
    /// It goes up and down, one by one.
    Level,
    /// It is what was read last.
    Reading,
    /// A distribution of times up to a few seconds, that machines take.
    Quick,
    /// A distribution of times up to hours, that people take.
    Patient,
}

/// Seconds, from what a Check takes to what a command may take.
const QUICK: [f64; 14] =
    [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5];

/// Seconds, from a click to the longest hold.
const PATIENT: [f64; 14] =
    [0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0, 7200.0, 14400.0];

macro_rules! metrics {
    ($($field:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        /// The instruments; other rooms tell them of events.
        pub struct Metrics { $(pub(super) $field: instrument!($kind)),* }

        /// All metrics.
        pub const LIST: &[Metric] =
            &[$(Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help }),*];

        impl Metrics {
            pub(super) fn of(meter: &Meter) -> Self {
                Self { $($field: build!($kind, meter, $name, $help)),* }
            }
        }
    };
}

macro_rules! instrument {
    (Count) => { Counter<u64> };
    (Level) => { UpDownCounter<i64> };
    (Reading) => { Gauge<f64> };
    (Quick) => { Histogram<f64> };
    (Patient) => { Histogram<f64> };
}

macro_rules! build {
    (Count, $meter:ident, $name:literal, $help:literal) => {
        $meter.u64_counter($name).with_description($help).build()
    };
    (Level, $meter:ident, $name:literal, $help:literal) => {
        $meter.i64_up_down_counter($name).with_description($help).build()
    };
    (Reading, $meter:ident, $name:literal, $help:literal) => {
        $meter.f64_gauge($name).with_description($help).build()
    };
    (Quick, $meter:ident, $name:literal, $help:literal) => {
        $meter.f64_histogram($name).with_description($help).with_boundaries(QUICK.to_vec()).build()
    };
    (Patient, $meter:ident, $name:literal, $help:literal) => {
        $meter.f64_histogram($name).with_description($help).with_boundaries(PATIENT.to_vec()).build()
    };
}

metrics! {
    parked: Level "holdpoint_parked" [] "Calls that wait on this replica";
    holds: Count "holdpoint_holds_total" ["outcome"] "Attempts at held calls that have ended";
    wait: Patient "holdpoint_wait_seconds" ["outcome"] "How long an attempt waited";
    decisions: Count "holdpoint_decisions_total" ["verdict"] "Decisions recorded at this replica";
    release: Quick "holdpoint_release_seconds" [] "From the decision to the release of a call that waited";
    check: Quick "holdpoint_check_seconds" [] "How long a Check took that nobody was asked about";
    refusals: Count "holdpoint_refusals_total" ["reason_code"] "Checks that were refused";
    queue_length: Reading "holdpoint_queue_length" ["queue"] "Approvals that are open, on all replicas";
    queue_oldest: Reading "holdpoint_queue_oldest_seconds" ["queue"] "For how long the oldest of them has been open";
    store: Quick "holdpoint_store_seconds" ["transition"] "How long the store took";
    store_errors: Count "holdpoint_store_errors_total" ["transition"] "What the store failed to do or to answer";
    doorbells_missed: Count "holdpoint_doorbells_missed_total" [] "Changes that were found by looking, because no message came";
    subscriptions: Reading "holdpoint_subscriptions" [] "Approvals whose messages this replica listens for";
    lease_renewed: Reading "holdpoint_lease_renewed_timestamp_seconds" [] "When this replica last renewed its lease";
    canary_well: Reading "holdpoint_canary_well_timestamp_seconds" [] "When a probe of this replica by itself last went well";
    canary_failures: Count "holdpoint_canary_failures_total" [] "Probes of this replica by itself that went wrong";
    audit_left_out: Count "holdpoint_audit_left_out_total" ["event"] "Notes that are not in the audit";
    audit_sealed: Reading "holdpoint_audit_sealed_entries" ["chain"] "The number of the last entry of a chain";
    audit_behind: Reading "holdpoint_audit_behind_entries" ["sink"] "Entries that a sink does not have";
    audit_behind_for: Reading "holdpoint_audit_behind_seconds" ["sink"] "How old the oldest of them is";
    audit_shipped: Count "holdpoint_audit_shipped_total" ["sink"] "Lines that this replica shipped";
    audit_errors: Count "holdpoint_audit_ship_errors_total" ["sink"] "Deliveries that failed";
    audit_forked: Count "holdpoint_audit_forks_total" ["chain"] "Times that the store lost entries of a chain, as seen by this replica";
    export_dropped: Count "holdpoint_export_dropped_total" ["signal"] "Spans, log lines and batches of metrics that no receiver took";
}
