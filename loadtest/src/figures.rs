//! What a run finds: figures by name, latencies, and what changed over time.

pub mod assertion;
pub mod comparison;
pub mod slope;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// What a figure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Microseconds.
    #[serde(rename = "us")]
    Micros,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Millis,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// 1024 bytes.
    KiB,
    /// 1024 of those.
    MiB,
    /// Times in a second.
    #[serde(rename = "/s")]
    PerSecond,
    /// Of one core.
    #[serde(rename = "%")]
    Percent,
    /// How many, or how many times as much.
    #[serde(rename = "")]
    Number,
}

impl Unit {
    /// As it stands behind a number.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Micros => "us",
            Self::Millis => "ms",
            Self::Seconds => "s",
            Self::KiB => "KiB",
            Self::MiB => "MiB",
            Self::PerSecond => "/s",
            Self::Percent => "%",
            Self::Number => "",
        }
    }
}

/// One that a scenario finds out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// By which it is known to `--assert` and in files.
    pub name: &'static str,
    /// What it is counted in.
    pub unit: Unit,
    /// What it says.
    pub what: &'static str,
}

/// The figures that are made of many latencies.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    /// What all their names begin with.
    pub name: &'static str,
    /// The share that each is of, and the figure.
    pub figures: [(f64, Figure); 5],
}

const fn figure(name: &'static str, unit: Unit, what: &'static str) -> Figure {
    Figure { name, unit, what }
}

macro_rules! latency {
    ($name:literal, $what:literal) => {
        Latency {
            name: $name,
            figures: [
                (0.5, figure(concat!($name, "_p50"), Unit::Millis, concat!($what, ": half within"))),
                (0.9, figure(concat!($name, "_p90"), Unit::Millis, concat!($what, ": 90 % within"))),
                (0.99, figure(concat!($name, "_p99"), Unit::Millis, concat!($what, ": 99 % within"))),
                (0.999, figure(concat!($name, "_p999"), Unit::Millis, concat!($what, ": 99.9 % within"))),
                (1.0, figure(concat!($name, "_max"), Unit::Millis, concat!($what, ": all within"))),
            ],
        }
    };
}

/// From when a Check was due to its answer.
pub const PASS: Latency = latency!("pass", "a Check that passes, from when it was due");
/// The same, of the bare server.
pub const ECHO: Latency = latency!("echo", "the same Check at a bare gRPC server");
/// The same, while calls are parked.
pub const PASS_PARKED: Latency = latency!("pass_parked", "a Check that passes, while calls are parked");
/// How late the tool itself sent.
pub const LATE: Latency = latency!("late", "how late this tool sent a Check that was due");
/// From sending a decision to the answer of the Check that waited for it.
pub const RELEASE: Latency = latency!("release", "from sending a decision to the Check's answer");
/// The same with the embedded store.
pub const EMBEDDED: Latency = latency!("embedded_release", "the same on the embedded store in one process");
/// From sending a decision to its own answer.
pub const DECISION: Latency = latency!("decision", "from sending a decision to its own answer");
/// The first page of what waits.
pub const LIST: Latency = latency!("list", "the first page of what waits");

/// Answers that should have been others.
pub const ERRORS: Figure = figure("errors", Unit::Number, "answers that should have been others");
/// Checks in a closed loop.
pub const CHECKS: Figure = figure("checks", Unit::PerSecond, "Checks that pass, in a closed loop");
/// The same, of the bare server.
pub const ECHO_CHECKS: Figure = figure("echo_checks", Unit::PerSecond, "the same at a bare gRPC server");
/// One divided by the other.
pub const CHECKS_RATIO: Figure =
    figure("checks_ratio", Unit::Number, "checks in a closed loop, against the bare server");
/// p99 of a closed loop, divided.
pub const CLOSED_P99_RATIO: Figure =
    figure("closed_p99_ratio", Unit::Number, "99 % in the closed loop, against the bare server");
/// p99 at a given rate, divided.
pub const P99_RATIO: Figure =
    figure("p99_ratio", Unit::Number, "99 % in the open loop, against what it is compared with");
/// CPU of the replicas for a Check that passes.
pub const CHECK_CPU: Figure = figure("check_cpu", Unit::Micros, "CPU of the replicas a Check that passes");
/// Calls that were parked at once.
pub const PARKED: Figure = figure("parked", Unit::Number, "calls that waited at one time");
/// How fast they were parked.
pub const PARK_RATE: Figure =
    figure("park_rate", Unit::PerSecond, "calls parked, from the first to the last");
/// Memory of the replicas.
pub const REPLICA_MEMORY: Figure =
    figure("replica_per_call", Unit::KiB, "RSS of the replicas for each parked call");
/// Memory of Redis.
pub const REDIS_MEMORY: Figure = figure("redis_per_call", Unit::KiB, "RSS of Redis for each parked call");
/// CPU while nothing happens.
pub const REPLICA_HOLDING: Figure =
    figure("replica_holding", Unit::Percent, "of one core: replicas while calls only wait");
/// CPU of Redis while nothing happens.
pub const REDIS_HOLDING: Figure =
    figure("redis_holding", Unit::Percent, "of one core: Redis while calls only wait");
/// From the first decision to the last answer.
pub const RELEASE_ALL: Figure =
    figure("release_all", Unit::Seconds, "from the first decision to the last answer");
/// Parked, decided and released.
pub const CYCLES: Figure = figure("cycles", Unit::PerSecond, "calls parked, decided and released");
/// CPU of the replicas for each.
pub const REPLICA_CYCLE: Figure = figure("replica_cycle", Unit::Micros, "CPU of the replicas a cycle");
/// CPU of Redis for each.
pub const REDIS_CYCLE: Figure = figure("redis_cycle", Unit::Micros, "CPU of Redis a cycle");
/// What a bare script reaches.
pub const BARE_SCRIPT: Figure =
    figure("bare_script", Unit::PerSecond, "redis-benchmark with a script of HSET, ZADD and XADD");
/// Cycles divided by that.
pub const SCRIPT_RATIO: Figure = figure("script_ratio", Unit::Number, "cycles, against bare_script");
/// p50 divided by the embedded store's.
pub const EMBEDDED_P50: Figure =
    figure("embedded_p50_ratio", Unit::Number, "release_p50 against the embedded store");
/// p99 divided by the embedded store's.
pub const EMBEDDED_P99: Figure =
    figure("embedded_p99_ratio", Unit::Number, "release_p99 against the embedded store");
/// After a restart of Redis.
pub const RECONCILED: Figure = figure(
    "reconciled",
    Unit::Millis,
    "from when Redis answers again until every call that waits was looked at",
);
/// How the memory of the replicas grows.
pub const REPLICA_GROWTH: Figure =
    figure("replica_growth", Unit::MiB, "RSS of the replicas, gained in an hour at this pace");
/// How the memory of Redis grows.
pub const REDIS_GROWTH: Figure =
    figure("redis_growth", Unit::MiB, "RSS of Redis, gained in an hour at this pace");
/// From the start of a replica until it is ready.
pub const START: Figure = figure("start", Unit::Millis, "from starting a replica until it is ready");
/// Memory of a replica that has seen nothing.
pub const IDLE: Figure = figure("idle", Unit::MiB, "RSS of a replica that has seen nothing");

/// What one round finds.
#[derive(Default)]
pub struct Found {
    /// Each figure with its value.
    pub figures: Vec<(Figure, f64)>,
    /// Each kind of latency with what it is made of, in nanoseconds.
    pub latencies: Vec<(Latency, Histogram<u64>)>,
    /// What was answered that should not have been.
    pub errors: Vec<String>,
}

impl Found {
    /// Notes a figure.
    pub fn note(&mut self, figure: Figure, value: f64) {
        self.figures.push((figure, value));
    }

    /// Notes latencies, and the figures that are made of them.
    pub fn latencies(&mut self, latency: Latency, of: Histogram<u64>) {
        self.figures.extend(latency.figures.map(|(share, figure)| (figure, millis(&of, share))));
        self.latencies.push((latency, of));
    }
}

impl Latency {
    /// Its figures.
    pub fn all(self) -> impl Iterator<Item = Figure> {
        self.figures.into_iter().map(|(_, figure)| figure)
    }
}

/// Of nanoseconds up to an hour.
pub fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1_000, 3_600_000_000_000, 3)?)
}

/// What this share (0 to 1) stayed within, in milliseconds.
pub fn millis(histogram: &Histogram<u64>, share: f64) -> f64 {
    histogram.value_at_quantile(share) as f64 / 1e6
}
