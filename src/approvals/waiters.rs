//! The calls that wait in this process, and the bell that wakes them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::Change;
use super::feed::Feed;
use crate::domain::ids::ApprovalId;
use crate::domain::probe;
use crate::store::Bell;

/// The calls that wait in this process.
#[derive(Default)]
pub struct Waiters {
    /// Several attempts may wait for one id: one that has lost the record does not know it yet.
    bells: Mutex<HashMap<ApprovalId, Vec<Arc<Notify>>>>,
    /// For those who watch the feed.
    fed: Notify,
    feed: Feed,
}

impl Waiters {
    /// Waits for this approval from now on; a ring before anybody listens to it is kept.
    pub(super) fn register(self: &Arc<Self>, id: ApprovalId) -> Waiter {
        let bell = Arc::new(Notify::new());
        self.bells().entry(id.clone()).or_default().push(Arc::clone(&bell));
        Waiter { waiters: Arc::clone(self), id, bell }
    }

    /// Ends with the next change from now on, whenever it is first waited for.
    pub(super) fn rung(&self) -> Notified<'_> {
        self.fed.notified()
    }

    pub(super) fn feed(&self) -> &Feed {
        &self.feed
    }

    pub(super) fn count(&self) -> usize {
        let calls = |(id, _): &(&ApprovalId, &Vec<_>)| !probe::is_queue(id.queue());
        self.bells().iter().filter(calls).map(|(_, bells)| bells.len()).sum()
    }

    /// Written down first: who is rung looks there.
    fn tell(&self, change: Change) {
        self.feed.push(change);
        self.fed.notify_waiters();
    }

    fn bells(&self) -> MutexGuard<'_, HashMap<ApprovalId, Vec<Arc<Notify>>>> {
        self.bells.lock().expect("nothing panics while the bells are locked")
    }
}

impl Bell for Waiters {
    fn ring(&self, id: &ApprovalId) {
        if let Some(bells) = self.bells().get(id) {
            bells.iter().for_each(|bell| bell.notify_one());
        }
    }

    fn changed(&self, id: &ApprovalId) {
        if probe::is_queue(id.queue()) {
            return;
        }
        self.tell(Change::Record(id.clone()));
    }

    fn ring_all(&self) {
        self.bells().values().flatten().for_each(|bell| bell.notify_one());
        self.tell(Change::Anything);
    }
}

/// One call that waits; dropped, it does so no longer.
pub(super) struct Waiter {
    waiters: Arc<Waiters>,
    id: ApprovalId,
    bell: Arc<Notify>,
}

impl Waiter {
    /// What it waits for.
    pub(super) fn id(&self) -> &ApprovalId {
        &self.id
    }

    /// Ends at the next ring, or at once if one came since the last.
    pub(super) async fn rung(&self) {
        self.bell.notified().await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut bells = self.waiters.bells();
        if let Some(of_id) = bells.get_mut(&self.id) {
            of_id.retain(|bell| !Arc::ptr_eq(bell, &self.bell));
            if of_id.is_empty() {
                bells.remove(&self.id);
            }
        }
    }
}
