//! What a history says beside what is wrong with it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use hdrhistogram::Histogram;
use uuid::Uuid;

use super::history::{Answer, Call, Event, Fault, Observed, State, Told, Verdict};

/// Redis tells the times of a record in milliseconds.
const ROUNDED: Duration = Duration::from_millis(5);

/// Counts and times of one run.
pub struct Figures {
    /// Checks that were sent.
    pub attempts: usize,
    /// Checks that waited at one time, at most.
    pub peak: usize,
    /// Checks that waited when the faults began ...
    pub at_first_fault: usize,
    /// ... and under faults, on average.
    pub under_faults: f64,
    /// Records by their state at the end.
    pub records: BTreeMap<&'static str, usize>,
    /// Calls that the server ran.
    pub executed: usize,
    /// Approvals that were released, but whose answer reached nobody.
    pub spent_in_vain: usize,
    /// Decisions that reviewers were told are recorded.
    pub acknowledged: usize,
    /// Faults by kind.
    pub faults: BTreeMap<Fault, usize>,
    /// Identical retries after the death of a replica, of calls that had an open record ...
    pub retries: usize,
    /// ... and how many of them were held on that record.
    pub attached: usize,
    /// From the acknowledged decision to the answer of a caller who waited, in microseconds: without faults ...
    pub calm: Histogram<u64>,
    /// ... and under them.
    pub faulty: Histogram<u64>,
}

impl Figures {
    /// The share of retries that needed no new review, in percent.
    pub fn attached_share(&self) -> f64 {
        100.0 * self.attached as f64 / self.retries.max(1) as f64
    }

    /// The targets that were missed, in words.
    pub fn missed(&self) -> Vec<&'static str> {
        let p99 = |times: &Histogram<u64>| Duration::from_micros(times.value_at_quantile(0.99));
        let targets = [
            (self.retries > 0 && self.attached_share() < 99.0, "99 % of retries held on their record"),
            (p99(&self.calm) > Duration::from_millis(50), "decision to answer p99 50 ms, calm"),
            (p99(&self.faulty) > Duration::from_millis(2_500), "decision to answer p99 2.5 s, under faults"),
        ];
        targets.into_iter().filter(|(missed, _)| *missed).map(|(_, target)| target).collect()
    }
}

/// Counts.
pub fn figures(history: &[Observed]) -> anyhow::Result<Figures> {
    let seen = Seen::in_history(history);
    let (retries, attached) = seen.retries();
    let (calm, faulty) = seen.latencies()?;
    let mut records = BTreeMap::new();
    for record in seen.records.values() {
        *records.entry(word(record.state)).or_default() += 1;
    }
    let released = seen.records.iter().filter(|(_, record)| record.state == State::Released);
    let spent_in_vain = released.filter(|(id, _)| !seen.executed.contains(*id)).count();
    Ok(Figures {
        attempts: seen.asked.len(),
        peak: seen.peak,
        at_first_fault: seen.at_first_fault,
        under_faults: seen.under_faults(),
        records,
        executed: seen.executed.len(),
        spent_in_vain,
        acknowledged: seen.acknowledged.values().map(Vec::len).sum(),
        faults: seen.faults,
        retries,
        attached,
        calm,
        faulty,
    })
}

#[derive(Default)]
struct Seen<'a> {
    asked: HashMap<u64, Asked>,
    /// Attempts that were answered with an approval's name.
    answered: Vec<(Duration, u64, &'a Answer)>,
    executed: HashSet<&'a str>,
    records: HashMap<&'a str, Record>,
    by_call: HashMap<Call, Vec<&'a str>>,
    wants: HashMap<Call, HashSet<u64>>,
    /// By approval: when who was told so.
    acknowledged: HashMap<&'a str, Vec<(Duration, Verdict)>>,
    faults: BTreeMap<Fault, usize>,
    faults_begin: Option<Duration>,
    faults_end: Option<Duration>,
    waiting: usize,
    peak: usize,
    at_first_fault: usize,
    /// How long all Checks together have waited under faults, in seconds, and until when that is counted.
    waited: (f64, Duration),
}

struct Asked {
    at: Duration,
    call: Call,
    after_death: bool,
}

struct Record {
    state: State,
    created: Duration,
    /// A sweep notes the end of what is overdue somewhat later.
    deadline: Duration,
    settled: Option<Duration>,
}

impl<'a> Seen<'a> {
    fn in_history(history: &'a [Observed]) -> Self {
        let mut seen = Self::default();
        let mut decided = HashMap::new();
        for Observed { at, event } in history {
            seen.add(*at, event, &mut decided);
        }
        seen
    }

    fn add(&mut self, at: Duration, event: &'a Event, decided: &mut HashMap<Uuid, (&'a str, Verdict)>) {
        if self.faults_begin.is_some() && self.faults_end.is_none() {
            self.waited.0 += self.waiting as f64 * (at - self.waited.1).as_secs_f64();
        }
        self.waited.1 = at;
        match event {
            Event::Asked { attempt, call, want, after_death, .. } => {
                self.asked.insert(*attempt, Asked { at, call: *call, after_death: *after_death });
                self.wants.entry(*call).or_default().insert(*want);
                self.waiting += 1;
                self.peak = self.peak.max(self.waiting);
            }
            Event::Answered { attempt, answer } => {
                self.waiting -= 1;
                if answer.approval().is_some() {
                    self.answered.push((at, *attempt, answer));
                }
            }
            Event::Broken { .. } | Event::HungUp { .. } | Event::Unanswered { .. } => self.waiting -= 1,
            Event::Executed { approval, .. } => _ = self.executed.insert(approval),
            Event::Decided { decision, approval, verdict, .. } => {
                decided.insert(*decision, (approval, *verdict));
            }
            Event::Told { decision, told: Told::Acknowledged } => {
                if let Some((approval, verdict)) = decided.get(decision) {
                    self.acknowledged.entry(approval).or_default().push((at, *verdict));
                }
            }
            Event::Told { .. } | Event::Unsure { .. } | Event::Thawed { .. } => {}
            Event::Record { approval, call, state, created, deadline, settled, .. } => {
                let (created, deadline, settled) = (*created, *deadline, *settled);
                self.records.insert(approval, Record { state: *state, created, deadline, settled });
                self.by_call.entry(*call).or_default().push(approval);
            }
            Event::Fault { fault, .. } => *self.faults.entry(*fault).or_default() += 1,
            Event::FaultsBegin => {
                self.faults_begin = Some(at);
                self.at_first_fault = self.waiting;
            }
            Event::FaultsEnd => self.faults_end = Some(at),
        }
    }

    fn under_faults(&self) -> f64 {
        let (Some(begin), Some(end)) = (self.faults_begin, self.faults_end) else { return 0.0 };
        self.waited.0 / (end - begin).as_secs_f64()
    }

    /// How many retries after a death there were of calls with an open record, and how many were held on it. Calls
    /// that several want are left out: two that live have a record each.
    fn retries(&self) -> (usize, usize) {
        let (mut retries, mut attached) = (0, 0);
        for (_, attempt, answer) in &self.answered {
            let (Some(asked), Some(named)) = (self.asked.get(attempt), answer.approval()) else { continue };
            let Some(record) = self.records.get(named) else { continue };
            if !asked.after_death || self.wants[&asked.call].len() > 1 {
                continue;
            }
            let of_call = self.by_call.get(&asked.call).into_iter().flatten();
            let mut others = of_call.filter(|id| **id != named);
            if record.created + ROUNDED < asked.at {
                (retries, attached) = (retries + 1, attached + 1);
            } else if others.any(|id| self.records[id].was_open(record.created)) {
                retries += 1;
            }
        }
        (retries, attached)
    }

    fn latencies(&self) -> anyhow::Result<(Histogram<u64>, Histogram<u64>)> {
        let (mut calm, mut faulty) = (Histogram::new(3)?, Histogram::new(3)?);
        for (at, attempt, answer) in &self.answered {
            let (approval, verdict) = match answer {
                Answer::Released { approval } => (approval, Verdict::Approve),
                Answer::Rejected { approval } => (approval, Verdict::Reject),
                _ => continue,
            };
            let told = self.acknowledged.get(approval.as_str()).into_iter().flatten();
            let told = told.filter(|(_, said)| *said == verdict).map(|(told, _)| *told);
            // The one that it goes back to: the last before the answer, or one that was told after it.
            let told =
                told.min_by_key(|told| (told > at, if told > at { *told } else { Duration::MAX - *told }));
            let Some(told) = told else { continue };
            if self.asked.get(attempt).is_some_and(|asked| asked.at < told) {
                let took = at.saturating_sub(told).as_micros() as u64;
                if self.is_calm(told) { &mut calm } else { &mut faulty }.record(took)?;
            }
        }
        Ok((calm, faulty))
    }

    fn is_calm(&self, at: Duration) -> bool {
        self.faults_begin.is_none_or(|begin| at < begin)
    }
}

impl Record {
    fn was_open(&self, at: Duration) -> bool {
        self.created < at && at < self.settled.map_or(self.deadline, |settled| settled.min(self.deadline))
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Approved => "approved",
        State::Released => "released",
        State::Rejected => "rejected",
        State::Expired => "expired",
        State::Cancelled => "cancelled",
    }
}
