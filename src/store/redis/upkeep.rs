//! What a replica does every few seconds, whether calls wait or not.

use futures_util::future::try_join_all;
use jiff::Timestamp;
use redis::AsyncCommands;
use uuid::Uuid;

use super::record::millis;
use super::{RedisStore, unavailable};
use crate::domain::ids::{ApprovalId, QueueName};
use crate::store::{LEASE, OpenIn, StoreError};

/// So many records are ended or forgotten by one script: Redis does nothing else meanwhile.
const SWEPT_AT_ONCE: usize = 100;

/// How much is open, queue by queue.
pub(super) async fn count_open(store: &RedisStore) -> Result<Vec<OpenIn>, StoreError> {
    let mut connection = store.slow().await?;
    let mut queues = Vec::new();
    for name in store.all_queues(&mut connection).await? {
        let key = store.keys.open(&name);
        let open = connection.zcard(&key).await.map_err(unavailable)?;
        let first: Vec<(String, i64)> =
            connection.zrange_withscores(&key, 0, 0).await.map_err(unavailable)?;
        let oldest = first.first().and_then(|(_, created)| Timestamp::from_millisecond(*created).ok());
        queues.push(OpenIn { name, open, oldest });
    }
    Ok(queues)
}

/// Ends what is overdue and forgets what was kept long enough.
pub(super) async fn sweep(store: &RedisStore) -> Result<Vec<ApprovalId>, StoreError> {
    let mut connection = store.slow().await?;
    let mut ended = Vec::new();
    let mut failed = None;
    // A record that breaks the sweep of its queue must not stop that of the others.
    for queue in store.all_queues(&mut connection).await? {
        let mut left_alone = 0;
        loop {
            let mut call = store.call(&store.scripts.sweep, &queue);
            call.arg(SWEPT_AT_ONCE).arg(left_alone);
            let swept: Result<(usize, usize, Vec<String>), _> = call.invoke_async(&mut connection).await;
            let (due, alone, keys) = match swept {
                Ok(swept) => swept,
                Err(error) => {
                    failed = Some(unavailable(error));
                    break;
                }
            };
            let keys = keys.iter().filter_map(|key| Uuid::try_parse(key).ok());
            ended.extend(keys.map(|key| ApprovalId::with_key(queue.clone(), key)));
            left_alone += alone;
            if due < SWEPT_AT_ONCE {
                break;
            }
        }
    }
    failed.map_or(Ok(ended), Err)
}

/// Renews the sign of life in every queue.
pub(super) async fn renew_lease(store: &RedisStore) -> Result<(), StoreError> {
    let mut connection = store.up()?.lines.shared();
    let renewals = store.queues.iter().map(async |queue| {
        let mut call = store.call(&store.scripts.lease, queue);
        call.arg(store.replica.to_string()).arg(millis(LEASE));
        store.run::<()>(&call).await
    });
    try_join_all(renewals).await?;
    let names: Vec<&str> = store.queues.iter().map(QueueName::as_str).collect();
    if !names.is_empty() {
        connection.sadd::<_, _, ()>(store.keys.queues(), names).await.map_err(unavailable)?;
    }
    Ok(())
}
