//! Everything that was observed, in the order in which it was.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// Which call it is: identical calls share the number, it is among their arguments.
pub type Call = u64;

/// One observation and when it was made, counted from the start.
#[derive(Debug, Clone, Serialize)]
pub struct Observed {
    /// When.
    #[serde(serialize_with = "micros")]
    pub at: Duration,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What can be observed.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A caller's call is put before a replica.
    Asked {
        attempt: u64,
        call: Call,
        /// Who wants it: identical calls may be wanted by several.
        want: u64,
        replica: usize,
        /// When the gateway gives up.
        #[serde(serialize_with = "micros")]
        due: Duration,
        /// Whether it is sent again because the replica before died.
        after_death: bool,
    },
    /// It is answered.
    Answered { attempt: u64, answer: Answer },
    /// Its connection died.
    Broken { attempt: u64 },
    /// The caller no longer waits.
    HungUp { attempt: u64 },
    /// There was no answer long after the gateway gave up.
    Unanswered { attempt: u64 },
    /// The server behind the gateway runs the call.
    Executed { call: Call, approval: String },
    /// A reviewer sends a decision about what they saw.
    Decided {
        #[serde(serialize_with = "text")]
        decision: Uuid,
        approval: String,
        call: Call,
        verdict: Verdict,
    },
    /// ... and may be told nothing, or that the store is unavailable: it may be recorded all the same.
    Unsure {
        #[serde(serialize_with = "text")]
        decision: Uuid,
    },
    /// ... and, perhaps when it is sent again, is told what became of it. What was never answered is not here.
    Told {
        #[serde(serialize_with = "text")]
        decision: Uuid,
        told: Told,
    },
    /// An approval as it stands at the end.
    Record {
        approval: String,
        call: Call,
        state: State,
        #[serde(serialize_with = "micros")]
        created: Duration,
        /// When it ends undecided.
        #[serde(serialize_with = "micros")]
        deadline: Duration,
        #[serde(serialize_with = "maybe_micros")]
        settled: Option<Duration>,
        /// How many votes of each kind it holds, those that no longer count too.
        approves: usize,
        rejects: usize,
    },
    /// From here on faults are injected ...
    FaultsBegin,
    /// ... and from here on no more.
    FaultsEnd,
    /// A fault begins.
    Fault { fault: Fault, replica: Option<usize> },
    /// A replica runs again after it was frozen.
    Thawed { replica: usize },
}

/// How a Check was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It may go on, by this approval; no held call is answered without one.
    Released { approval: String },
    /// A reviewer has rejected it.
    Rejected { approval: String },
    /// It is open, and can be asked for again.
    Open { approval: String },
    /// It ended without a decision.
    Ended { approval: String },
    /// The store does not answer.
    StoreUnavailable,
    /// Too many wait.
    QueueFull,
    /// Anything else.
    Other(String),
}

impl Answer {
    /// The approval that it names.
    pub fn approval(&self) -> Option<&str> {
        match self {
            Self::Released { approval }
            | Self::Rejected { approval }
            | Self::Open { approval }
            | Self::Ended { approval } => Some(approval),
            _ => None,
        }
    }
}

/// What a reviewer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Approve,
    Reject,
}

/// What a reviewer is told of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// It is recorded.
    Acknowledged,
    /// It is recorded, but on one Redis only: should that fail, it is lost.
    Unreplicated,
    /// It is not, this stands.
    Stands(String),
    /// It is not, for this reason.
    Refused(String),
}

/// The states of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Pending,
    Approved,
    Released,
    Rejected,
    Expired,
    Cancelled,
}

impl State {
    /// Whether nothing changes it any more.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Approved)
    }
}

/// What is done to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A replica is killed and started again.
    Kill,
    /// A replica stands still for two leases.
    Freeze,
    /// A replica is told to leave, and started again.
    Leave,
    /// Redis, which keeps everything, is killed and started again.
    KillRedis,
    /// The primary is killed and started again; what its replicas did not have is lost if one takes its place.
    KillPrimary,
    /// Redis is killed and comes back empty.
    WipeRedis,
    /// Another Redis becomes the primary.
    FailOver,
    /// The connections that have subscriptions are cut, as Redis sees them.
    CutPubsub,
    /// All other connections are.
    CutCommands,
    /// Redis answers nobody for a second.
    Pause,
    /// What goes between a replica and Redis is late.
    Delay,
    /// All connections of a replica to Redis are cut.
    Cut,
    /// Redis seems to hang up, but still listens.
    HalfClose,
    /// What goes between a replica and Redis gets lost.
    BlackHole,
}

/// Where observations are noted, by everybody.
#[derive(Clone)]
pub struct History(Arc<Noted>);

struct Noted {
    start: Instant,
    events: Mutex<Vec<Observed>>,
}

impl History {
    /// An empty one. Its time begins now.
    pub fn begin() -> Self {
        Self(Arc::new(Noted { start: Instant::now(), events: Mutex::default() }))
    }

    /// The time since it began.
    pub fn now(&self) -> Duration {
        self.0.start.elapsed()
    }

    /// Notes an observation. Its time is taken under the lock, so that times rise with the order.
    pub fn note(&self, event: Event) {
        let mut events = self.0.events.lock().expect("nobody panics while noting");
        let at = self.now();
        events.push(Observed { at, event });
    }

    /// All that was observed so far.
    pub fn events(&self) -> Vec<Observed> {
        self.0.events.lock().expect("nobody panics while noting").clone()
    }
}

/// Writes a history down, a JSON object a line.
pub fn write(events: &[Observed], path: &Path) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut file = BufWriter::new(file);
    for event in events {
        serde_json::to_writer(&mut file, event)?;
        file.write_all(b"\n")?;
    }
    Ok(file.flush()?)
}

fn micros<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_micros() as u64)
}

fn maybe_micros<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.as_ref().map(|time| time.as_micros() as u64).serialize(serializer)
}

fn text<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}
