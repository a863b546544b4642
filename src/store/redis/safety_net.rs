//! Finds the changes whose message was lost, in the audit that every transition writes.

use redis::RedisResult;
use redis::aio::ConnectionLike;
use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use redis::{cmd, from_redis_value_ref};

use super::doorbell::{Change, Doorbell};
use super::keys::Keys;
use crate::domain::ids::QueueName;

/// At most so many entries are read at once, so that a long reply does not stand in front of a claim.
const PART: usize = 500;

/// How far each queue's audit has been read.
pub(super) struct SafetyNet {
    places: Vec<Place>,
}

struct Place {
    queue: QueueName,
    stream: String,
    last_id: String,
}

impl SafetyNet {
    /// Begins at the end of each audit as it is now.
    pub(super) async fn start(
        keys: &Keys,
        queues: &[QueueName],
        connection: &mut impl ConnectionLike,
    ) -> RedisResult<Self> {
        let mut places = Vec::new();
        for queue in queues {
            let stream = keys.audit(queue);
            let last: StreamRangeReply = cmd("XREVRANGE")
                .arg(&stream)
                .arg("+")
                .arg("-")
                .arg("COUNT")
                .arg(1)
                .query_async(connection)
                .await?;
            let last_id = last.ids.into_iter().next().map_or_else(|| "0-0".to_owned(), |entry| entry.id);
            places.push(Place { queue: queue.clone(), stream, last_id });
        }
        Ok(Self { places })
    }

    /// Reads on, and rings for what was not heard. What was heard does not ring twice:
    /// the doorbell knows the latest change.
    pub(super) async fn catch_up(
        &mut self,
        connection: &mut impl ConnectionLike,
        doorbell: &Doorbell,
    ) -> RedisResult<()> {
        for place in &mut self.places {
            while place.read_part(connection, doorbell).await? == PART {}
        }
        Ok(())
    }
}

impl Place {
    async fn read_part(
        &mut self,
        connection: &mut impl ConnectionLike,
        doorbell: &Doorbell,
    ) -> RedisResult<usize> {
        let reply: Option<StreamReadReply> = cmd("XREAD")
            .arg("COUNT")
            .arg(PART)
            .arg("STREAMS")
            .arg(&self.stream)
            .arg(&self.last_id)
            .query_async(connection)
            .await?;
        let entries: Vec<StreamId> = reply.into_iter().flat_map(|r| r.keys).flat_map(|key| key.ids).collect();
        for entry in &entries {
            match change(entry) {
                _ if entry.contains_key("note") => {}
                Some(change) => doorbell.ring_if_unheard(self.queue.clone(), &change),
                None => tracing::warn!(
                    stream = self.stream,
                    entry = entry.id,
                    "an audit entry that is none of ours"
                ),
            }
        }
        let read = entries.len();
        if let Some(last) = entries.into_iter().next_back() {
            self.last_id = last.id;
        }
        Ok(read)
    }
}

fn change(entry: &StreamId) -> Option<Change> {
    let text = |field| entry.map.get(field).and_then(|value| from_redis_value_ref::<String>(value).ok());
    Some(Change { key: text("key")?.parse().ok()?, seq: text("seq")?.parse().ok()? })
}
