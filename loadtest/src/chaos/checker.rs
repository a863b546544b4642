//! What must never be seen in a history.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use super::history::{Answer, Call, Event, Fault, Observed, State, Told, Verdict};

/// A replica that is frozen so shortly before or after counts as frozen.
const NEARLY: Duration = Duration::from_secs(1);

/// How long it may take until a Redis that is to be replaced is no longer believed.
const CHANGE: Duration = Duration::from_secs(15);

/// What must never be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// A call was executed and no reviewer approved it by that record.
    Unapproved,
    /// One approval let more than one call through.
    Repeated,
    /// A call was executed by a record whose rejection was acknowledged.
    RejectedRan,
    /// An acknowledged decision is reflected by no record.
    LostDecision,
    /// Two contrary decisions on one record were acknowledged, and Redis did not change between them.
    Contradicted,
    /// A call was executed, and the record does not say so.
    Unrecorded,
    /// A caller was told of a rejection that nobody made.
    Untrue,
    /// An approval is in no final state at the end.
    Unsettled,
    /// A call was answered long after its deadline, or never.
    Late,
}

impl Violation {
    /// All of them, as they are reported.
    pub const ALL: [Self; 9] = [
        Self::Unapproved,
        Self::Repeated,
        Self::RejectedRan,
        Self::LostDecision,
        Self::Contradicted,
        Self::Unrecorded,
        Self::Untrue,
        Self::Unsettled,
        Self::Late,
    ];
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unapproved => "executions without an approval",
            Self::Repeated => "executions beyond one per approval",
            Self::RejectedRan => "executions of rejected calls",
            Self::LostDecision => "acknowledged decisions that are lost",
            Self::Contradicted => "contrary decisions both acknowledged",
            Self::Unrecorded => "executions that their record does not show",
            Self::Untrue => "rejections that nobody made",
            Self::Unsettled => "approvals in no final state at the end",
            Self::Late => "calls answered after their deadline",
        })
    }
}

/// What was found, of each kind, in words.
#[derive(Debug, Default)]
pub struct Findings(BTreeMap<Violation, Vec<String>>);

impl Findings {
    /// Those of one kind.
    pub fn of(&self, violation: Violation) -> &[String] {
        self.0.get(&violation).map_or(&[], Vec::as_slice)
    }

    /// Whether there are none.
    pub fn is_clean(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, violation: Violation, words: String) {
        self.0.entry(violation).or_default().push(words);
    }
}

/// Looks for what must never be seen. A call may be answered so much later than its deadline.
pub fn check(history: &[Observed], tolerance: Duration) -> Findings {
    let seen = Seen::in_history(history);
    let mut findings = Findings::default();
    seen.executions(&mut findings);
    seen.decisions(&mut findings);
    seen.answers(tolerance, &mut findings);
    seen.records(&mut findings);
    findings
}

/// A history in an order that can be searched.
#[derive(Default)]
struct Seen<'a> {
    executed: Vec<(Duration, Call, &'a str)>,
    decided: HashMap<&'a str, Vec<Decided>>,
    records: HashMap<&'a str, Record>,
    /// By attempt: when, which replica, and when the gateway gives up.
    asked: HashMap<u64, (Duration, usize, Duration)>,
    /// When which attempt was answered, or given up.
    answered: Vec<(Duration, u64, Option<&'a Answer>)>,
    frozen: Vec<(usize, Duration, Duration)>,
    /// When Redis may have become another ...
    changes: Vec<Duration>,
    /// ... which may lack what was written last ...
    losses: Vec<Duration>,
    /// ... or everything.
    wipes: Vec<Duration>,
}

struct Decided {
    sent: Duration,
    call: Call,
    verdict: Verdict,
    /// Whether it was sent again because nobody knew what had become of it.
    unsure: bool,
    told: Option<(Duration, Told)>,
}

struct Record {
    state: State,
    approves: usize,
    rejects: usize,
}

impl<'a> Seen<'a> {
    fn in_history(history: &'a [Observed]) -> Self {
        let mut seen = Self::default();
        let (mut told, mut unsure) = (HashMap::new(), HashSet::new());
        for Observed { at, event } in history {
            match event {
                Event::Told { decision, told: what } => _ = told.insert(*decision, (*at, what.clone())),
                Event::Unsure { decision } => _ = unsure.insert(*decision),
                _ => {}
            }
        }
        for Observed { at, event } in history {
            if let Event::Decided { decision, approval, call, verdict } = event {
                let (told, unsure) = (told.remove(decision), unsure.contains(decision));
                let decided = Decided { sent: *at, call: *call, verdict: *verdict, unsure, told };
                seen.decided.entry(approval).or_default().push(decided);
            } else {
                seen.add(*at, event);
            }
        }
        seen
    }

    fn add(&mut self, at: Duration, event: &'a Event) {
        match event {
            Event::Asked { attempt, replica, due, .. } => {
                self.asked.insert(*attempt, (at, *replica, *due));
            }
            Event::Answered { attempt, answer } => self.answered.push((at, *attempt, Some(answer))),
            Event::Unanswered { attempt } => self.answered.push((at, *attempt, None)),
            Event::Executed { call, approval } => self.executed.push((at, *call, approval)),
            Event::Record { approval, state, approves, rejects, .. } => {
                let record = Record { state: *state, approves: *approves, rejects: *rejects };
                self.records.insert(approval, record);
            }
            Event::Fault { fault: Fault::Freeze, replica: Some(replica) } => {
                self.frozen.push((*replica, at, Duration::MAX));
            }
            Event::Thawed { replica } => {
                if let Some(frozen) = self.frozen.iter_mut().rfind(|(who, ..)| who == replica) {
                    frozen.2 = at;
                }
            }
            Event::Fault { fault: Fault::KillRedis, .. } => self.changes.push(at),
            Event::Fault { fault: Fault::KillPrimary | Fault::FailOver, .. } => {
                self.changes.push(at);
                self.losses.push(at);
            }
            Event::Fault { fault: Fault::WipeRedis, .. } => {
                self.changes.push(at);
                self.losses.push(at);
                self.wipes.push(at);
            }
            _ => {}
        }
    }

    fn decisions_on(&self, approval: &str) -> &[Decided] {
        self.decided.get(approval).map_or(&[], Vec::as_slice)
    }

    fn executions(&self, findings: &mut Findings) {
        let mut runs: HashMap<&str, Vec<Duration>> = HashMap::new();
        for (at, call, approval) in &self.executed {
            let decisions = self.decisions_on(approval);
            let approvals = decisions.iter().filter(|decided| {
                decided.verdict == Verdict::Approve && decided.call == *call && self.may_stand(decided, *at)
            });
            let approvals = approvals.count();
            if approvals == 0 {
                findings.add(Violation::Unapproved, format!("call {call} ran by approval {approval:?}"));
            }
            if let Some(rejected) = decisions.iter().find(|decided| self.forbids(decided, *at)) {
                let when = rejected.sent;
                findings.add(
                    Violation::RejectedRan,
                    format!("call {call} ran by {approval}, rejected at {when:?}"),
                );
            }
            let record = self.records.get(approval);
            let recorded = record.is_some_and(|record| record.state == State::Released);
            if !recorded && !within(&self.losses, *at, Duration::MAX) {
                let state = record.map(|record| record.state);
                findings
                    .add(Violation::Unrecorded, format!("call {call} ran by {approval}, which is {state:?}"));
            }
            let before = runs.entry(approval).or_default();
            before.push(*at);
            let count = before.len();
            // A failover may forget that it was approved and ran. It then takes another approval to run again.
            let forgotten = within(&self.losses, before[0], *at) && count <= approvals;
            if count > 1 && !forgotten {
                findings
                    .add(Violation::Repeated, format!("call {call} ran by {approval} for the {count}. time"));
            }
        }
    }

    /// Whether a decision may be what something goes back to that happened then. One that was refused may be where an
    /// earlier sending of it was recorded, and Redis has forgotten that since.
    fn may_stand(&self, decided: &Decided, then: Duration) -> bool {
        let refused = matches!(decided.told, Some((_, Told::Stands(_) | Told::Refused(_))));
        let forgotten = || decided.unsure && within(&self.losses, decided.sent, then);
        decided.sent <= then && (!refused || forgotten())
    }

    /// Whether an execution at that time ignores an acknowledged rejection. Where Redis has failed over since, it may
    /// have forgotten that the call was approved and ran: that it did so is counted as a lost decision.
    fn forbids(&self, decided: &Decided, ran: Duration) -> bool {
        let Some(told) = decided.acknowledged() else { return false };
        decided.verdict == Verdict::Reject && (decided.sent <= ran || !within(&self.losses, ran, told))
    }

    fn decisions(&self, findings: &mut Findings) {
        for (approval, decisions) in &self.decided {
            let acknowledged: Vec<(Duration, &Decided)> =
                decisions.iter().filter_map(|decided| Some((decided.acknowledged()?, decided))).collect();
            for (told, decided) in &acknowledged {
                // What Redis was never made to keep is nobody's fault.
                if self.wipes.iter().any(|wipe| decided.sent <= *wipe) {
                    continue;
                }
                if let Some(why) = self.lost(approval, decided) {
                    let verdict = decided.verdict;
                    findings.add(
                        Violation::LostDecision,
                        format!("{verdict:?} of {approval} told at {told:?}: {why}"),
                    );
                }
            }
            for ((one_told, one), (other_told, other)) in pairs(&acknowledged) {
                let from = one.sent.min(other.sent);
                let to = *one_told.max(other_told);
                if one.verdict != other.verdict && !within(&self.changes, from, to) {
                    findings.add(Violation::Contradicted, format!("{approval}, between {from:?} and {to:?}"));
                }
            }
        }
    }

    /// Why the record does not reflect that decision. Where Redis has changed, an approval may be void and reviewers
    /// asked again; the record still names the vote.
    fn lost(&self, approval: &str, decided: &Decided) -> Option<String> {
        let Some(record) = self.records.get(approval) else { return Some("there is no record".to_owned()) };
        let asked_again = || within(&self.changes, decided.sent, Duration::MAX);
        let (votes, stands) = match (decided.verdict, record.state) {
            (Verdict::Approve, State::Approved | State::Released | State::Cancelled) => {
                (record.approves, true)
            }
            (Verdict::Approve, _) => (record.approves, asked_again()),
            (Verdict::Reject, state) => (record.rejects, state == State::Rejected),
        };
        (votes == 0 || !stands).then(|| format!("the record is {:?} with {votes} such votes", record.state))
    }

    fn answers(&self, tolerance: Duration, findings: &mut Findings) {
        for (at, attempt, answer) in &self.answered {
            let Some((asked, replica, due)) = self.asked.get(attempt) else { continue };
            // One that is frozen when it is asked learns of the deadline when it is thawed.
            let excused = self.stood_still(*replica, *asked) || self.stood_still(*replica, *due);
            if *at > *due + tolerance && !excused {
                let late = *at - *due;
                findings.add(Violation::Late, format!("attempt {attempt} on replica {replica}: {late:?}"));
            }
            if let Some(Answer::Rejected { approval }) = answer {
                let decisions = self.decisions_on(approval);
                let rejected =
                    |decided: &Decided| decided.verdict == Verdict::Reject && self.may_stand(decided, *at);
                if !decisions.iter().any(rejected) {
                    findings.add(Violation::Untrue, format!("attempt {attempt}, approval {approval}"));
                }
            }
        }
    }

    /// Whether a replica was frozen then or nearly so.
    fn stood_still(&self, replica: usize, at: Duration) -> bool {
        self.frozen
            .iter()
            .any(|(who, from, to)| *who == replica && *from <= at + NEARLY && at <= to.saturating_add(NEARLY))
    }

    fn records(&self, findings: &mut Findings) {
        for (approval, record) in self.records.iter().filter(|(_, record)| !record.state.is_final()) {
            findings.add(Violation::Unsettled, format!("{approval} is {:?}", record.state));
        }
    }
}

impl Decided {
    fn acknowledged(&self) -> Option<Duration> {
        self.told.as_ref().filter(|(_, told)| *told == Told::Acknowledged).map(|(at, _)| *at)
    }
}

/// Whether one of these changes may have come into effect between two times.
fn within(changes: &[Duration], from: Duration, to: Duration) -> bool {
    changes.iter().any(|change| *change <= to && from <= *change + CHANGE)
}

fn pairs<T>(of: &[T]) -> impl Iterator<Item = (&T, &T)> {
    of.iter().enumerate().flat_map(|(n, one)| of[n + 1..].iter().map(move |other| (one, other)))
}

#[cfg(test)]
mod tests;
