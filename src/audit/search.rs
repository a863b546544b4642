//! Looks through the chains, newest first.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use super::{Audit, PART};
use crate::domain::audit::{Chain, Event, Fact, Line, Place};
use crate::store::StoreError;

/// So many entries are looked at for one page: few may match.
const LOOKED_AT: usize = 20_000;

/// Which entries to find; none of a field means any.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// In this chain.
    pub chain: Option<Chain>,
    /// At this time or later.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// About this approval.
    pub approval: Option<String>,
    /// About a call of this caller.
    pub caller: Option<String>,
    /// About a call of this tool.
    pub tool: Option<String>,
    /// What this person did.
    pub reviewer: Option<String>,
    /// What happened.
    pub outcome: Option<Event>,
    /// The trace of the gateway or of the decision.
    pub trace: Option<String>,
    /// Where to go on.
    pub after: Option<Cursor>,
    /// At most so many entries.
    pub limit: usize,
}

impl Query {
    fn accepts(&self, fact: &Fact) -> bool {
        fn want(wanted: Option<&String>, is: Option<&String>) -> bool {
            wanted.is_none_or(|wanted| is == Some(wanted))
        }
        let call = fact.call.as_ref();
        want(self.approval.as_ref(), fact.approval.as_ref())
            && self.caller.as_deref().is_none_or(|caller| fact.caller() == Some(caller))
            && want(self.tool.as_ref(), call.and_then(|call| call.tool.as_ref()))
            && want(self.reviewer.as_ref(), fact.who.as_ref())
            && self.outcome.is_none_or(|outcome| outcome == fact.event)
            && self.trace.as_ref().is_none_or(|trace| fact.traces().any(|of| of == trace))
            && self.until.is_none_or(|until| fact.at < until)
            && !self.is_before(fact)
    }

    /// Whether this and all older entries of its chain are too old.
    fn is_before(&self, fact: &Fact) -> bool {
        self.from.is_some_and(|from| fact.at < from)
    }
}

/// Where a search stands: before which entry of each chain it goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor(BTreeMap<Chain, u64>);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<_> = self.0.iter().map(|(chain, number)| format!("{chain} {number}")).collect();
        f.write_str(&places.join(","))
    }
}

/// The text is not where a search can stand.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let place = |place: &str| {
            let (chain, number) = place.split_once(' ')?;
            Some((chain.parse().ok()?, number.parse().ok()?))
        };
        text.split(',').map(place).collect::<Option<_>>().map(Self).ok_or(InvalidCursor)
    }
}

/// A part of what was found.
#[derive(Debug)]
pub struct Found {
    /// The entries, as they stand in their chains.
    pub lines: Vec<Line>,
    /// Where to go on; none at the end.
    pub next: Option<Cursor>,
}

/// A chain that is looked through.
struct Source {
    chain: Chain,
    read: VecDeque<(Line, Fact)>,
    /// Before which entry to read on; 0 at the end of the search.
    before: Option<u64>,
}

impl Audit {
    /// Finds entries, newest first. A page may be short although there is a next one.
    pub async fn search(&self, query: &Query) -> Result<Found, StoreError> {
        let chains = match &query.chain {
            Some(chain) => vec![chain.clone()],
            None => self.log.chains().await?,
        };
        let place = |chain: &Chain| query.after.as_ref().and_then(|cursor| cursor.0.get(chain).copied());
        let mut sources: Vec<Source> = chains
            .into_iter()
            .map(|chain| Source { before: place(&chain), read: VecDeque::new(), chain })
            .collect();
        let (mut lines, mut left) = (Vec::new(), LOOKED_AT);
        while lines.len() < query.limit && left > 0 {
            for source in &mut sources {
                self.fill(source).await?;
            }
            let newest = sources.iter_mut().filter(|source| !source.read.is_empty());
            let Some(source) = newest.max_by_key(|source| source.read[0].1.at) else { break };
            let Some((line, fact)) = source.read.pop_front() else { break };
            left -= 1;
            if query.is_before(&fact) {
                source.read.clear();
                source.before = Some(0);
                continue;
            }
            source.before = Some(line.place.number);
            if query.accepts(&fact) {
                lines.push(line);
            }
        }
        let at_end =
            sources.iter().all(|source| source.read.is_empty() && source.before.is_none_or(|n| n <= 1));
        let places = sources.into_iter().filter_map(|source| Some((source.chain, source.before?)));
        Ok(Found { lines, next: (!at_end).then(|| Cursor(places.collect())) })
    }

    async fn fill(&self, source: &mut Source) -> Result<(), StoreError> {
        while source.read.is_empty() && source.before != Some(0) {
            let lines = self.log.lines_before(&source.chain, source.before.map(Place::entry), PART).await?;
            let Some(last) = lines.last() else {
                source.before = Some(0);
                break;
            };
            let last = last.place.number;
            source.read.extend(lines.into_iter().filter_map(|line| line.fact().map(|fact| (line, fact))));
            if source.read.is_empty() {
                source.before = Some(last);
            }
        }
        Ok(())
    }

    /// The latest checkpoints of a chain, newest first.
    pub async fn checkpoints(&self, chain: &Chain) -> Result<Vec<Line>, StoreError> {
        let (mut found, mut before, mut left) = (Vec::new(), None, LOOKED_AT);
        while found.len() < PART && left > 0 {
            let lines = self.log.lines_before(chain, before, PART).await?;
            let Some(last) = lines.last() else { break };
            (before, left) = (Some(last.place), left.saturating_sub(lines.len()));
            found.extend(lines.into_iter().filter(|line| line.place.checkpoint));
        }
        Ok(found)
    }

    /// The part of a chain that holds all that happened to an approval since it was parked, up to the first checkpoint
    /// behind that. Oldest first.
    pub async fn proof(
        &self,
        chain: &Chain,
        approval: &str,
        parked_at: Timestamp,
    ) -> Result<Vec<Line>, StoreError> {
        let (mut found, mut before) = (Vec::new(), None);
        'chain: loop {
            let lines = self.log.lines_before(chain, before, PART).await?;
            let Some(last) = lines.last() else { break };
            before = Some(last.place);
            for line in lines {
                if line.at().is_some_and(|at| at < parked_at) {
                    break 'chain;
                }
                found.push(line);
            }
        }
        found.reverse();
        let about = |line: &Line| line.fact().is_some_and(|fact| fact.approval.as_deref() == Some(approval));
        let Some(first) = found.iter().position(about) else { return Ok(Vec::new()) };
        let last = found.iter().rposition(about).unwrap_or(first);
        let signed = found[last..].iter().position(|line| line.place.checkpoint);
        found.truncate(signed.map_or(found.len(), |signed| last + signed + 1));
        Ok(found.split_off(first))
    }

    /// The lines of a chain behind a place, entries and checkpoints, oldest first; some of them.
    pub async fn lines(&self, chain: &Chain, after: Place) -> Result<Vec<Line>, StoreError> {
        self.log.lines(chain, after, PART).await
    }

    /// The chains that there may be something in.
    pub async fn all_chains(&self) -> Result<Vec<Chain>, StoreError> {
        self.log.chains().await
    }
}
