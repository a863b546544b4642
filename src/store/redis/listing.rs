//! Lists over several queues, read in parts.

use std::collections::VecDeque;

use jiff::Timestamp;
use redis::{ErrorKind, RedisError, Script};
use uuid::Uuid;

use super::keys::Keys;
use super::lines::Connection;
use super::record::Reply;
use crate::domain::approval::{Approval, StateKind};
use crate::domain::ids::{ApprovalId, QueueName};
use crate::store::{Cursor, Order, Page, Query, StoreError};

/// At most so many records are read by one script: Redis does nothing else meanwhile.
const PART: usize = 100;

/// What reads the parts.
pub(super) struct Reader<'a> {
    pub(super) keys: &'a Keys,
    pub(super) script: &'a Script,
    /// What is the same for every script.
    pub(super) common: &'a str,
    pub(super) connection: Connection,
}

/// One queue's part of a list.
struct Source {
    queue: QueueName,
    read: VecDeque<Approval>,
    /// Behind which record to read on.
    after: Option<Cursor>,
    /// How many records to read then; more each time, for a filter that few of them match.
    part: usize,
    at_end: bool,
}

impl Reader<'_> {
    /// The page that the query asks for, out of these queues.
    pub(super) async fn page(mut self, queues: Vec<QueueName>, query: &Query) -> Result<Page, StoreError> {
        let part = query.limit.saturating_add(1).min(PART);
        let mut sources: Vec<Source> = queues
            .into_iter()
            .map(|queue| Source {
                queue,
                read: VecDeque::new(),
                after: query.after.clone(),
                part,
                at_end: false,
            })
            .collect();
        let mut approvals = Vec::new();
        // One more than asked for: whether there is a next page.
        while approvals.len() <= query.limit {
            for source in &mut sources {
                self.fill(source, query).await?;
            }
            let Some(next) = first(&mut sources, query.order) else { break };
            if query.states.contains(&next.state.kind()) && query.filter.accepts(&next) {
                approvals.push(next);
            }
        }
        let more = approvals.len() > query.limit;
        approvals.truncate(query.limit);
        let next = approvals.last().filter(|_| more).map(cursor);
        Ok(Page { approvals, next })
    }

    /// Makes sure that the source has its next record at hand, if it has one.
    async fn fill(&mut self, source: &mut Source, query: &Query) -> Result<(), StoreError> {
        while source.read.is_empty() && !source.at_end {
            let entries = self.part(source, query).await.map_err(super::unavailable)?;
            source.at_end = entries.len() < source.part;
            source.part = (source.part * 2).min(PART);
            for (place, reply) in entries {
                match reply.map(|reply| reply.approval(&place.id, None)) {
                    Some(Ok(approval)) => source.read.push_back(approval),
                    // One record of a newer version must not hide all others from the reviewers.
                    Some(Err(error)) => tracing::warn!(%error, "a record is left out of a list"),
                    None => tracing::warn!(id = %place.id, "a record is gone"),
                }
                source.after = Some(place);
            }
        }
        Ok(())
    }

    async fn part(
        &mut self,
        source: &Source,
        query: &Query,
    ) -> Result<Vec<(Cursor, Option<Reply>)>, RedisError> {
        let (order, all) = match query.order {
            Order::OldestFirst => ("oldest", "-inf"),
            Order::NewestFirst => ("newest", "+inf"),
        };
        let mut call = self.script.key(self.keys.queue(&source.queue));
        call.arg(self.common).arg(order);
        match &source.after {
            None => call.arg(all).arg(""),
            Some(after) => call.arg(after.created_at.as_millisecond()).arg(bound(after, &source.queue)),
        };
        call.arg(source.part);
        let open = [StateKind::Pending, StateKind::Approved];
        if query.states.iter().any(|state| open.contains(state)) {
            call.arg("open");
        }
        if query.states.iter().any(|state| !open.contains(state)) {
            call.arg("ended");
        }
        let entries: Vec<(String, i64, Option<Reply>)> = call.invoke_async(&mut self.connection).await?;
        let entry = |(key, created, reply): (String, i64, Option<Reply>)| {
            let id = ApprovalId::with_key(source.queue.clone(), Uuid::try_parse(&key).ok()?);
            Some((Cursor { created_at: Timestamp::from_millisecond(created).ok()?, id }, reply))
        };
        let placed: Option<Vec<_>> = entries.into_iter().map(entry).collect();
        placed.ok_or_else(|| {
            RedisError::from((ErrorKind::UnexpectedReturnType, "an entry that is none of ours"))
        })
    }
}

/// Of the records parked in the cursor's very millisecond, those behind this key come after it: ids order by queue
/// first, so in another queue that is all of them or none.
fn bound(after: &Cursor, queue: &QueueName) -> String {
    match queue.cmp(after.id.queue()) {
        std::cmp::Ordering::Less => "g".into(),
        std::cmp::Ordering::Equal => super::keys::record_key(after.id.key()),
        std::cmp::Ordering::Greater => String::new(),
    }
}

/// Takes the record that comes first of all sources.
fn first(sources: &mut [Source], order: Order) -> Option<Approval> {
    let heads = sources.iter_mut().filter(|source| !source.read.is_empty());
    let place = |source: &&mut Source| cursor(&source.read[0]);
    let source = match order {
        Order::OldestFirst => heads.min_by_key(place),
        Order::NewestFirst => heads.max_by_key(place),
    };
    source?.read.pop_front()
}

fn cursor(approval: &Approval) -> Cursor {
    Cursor { created_at: approval.created_at, id: approval.id.clone() }
}
