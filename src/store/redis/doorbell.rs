//! Who listens for what, and what to do with a message.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard};

use redis::{PushInfo, PushKind, Value};
use uuid::Uuid;

use super::keys::{Channel, Keys};
use crate::domain::approval::{Approval, Held};
use crate::domain::ids::{ApprovalId, QueueName};
use crate::store::Bell;
use crate::telemetry::metrics;

/// Rings the bell for what is listened for.
pub(super) struct Doorbell {
    keys: Keys,
    bell: Arc<dyn Bell>,
    listening: Mutex<HashMap<ApprovalId, Listening>>,
}

/// That somebody here listens for an approval.
#[derive(Default)]
struct Listening {
    listeners: usize,
    /// The latest change that was rung for, so that the safety net does not ring for it again.
    heard: u64,
    /// What was asked, where it was parked here: no answer has to bring it again.
    held: Option<Arc<Held>>,
}

/// One change of one approval, as messages and audit entries tell of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) key: Uuid,
    pub(super) seq: u64,
}

impl FromStr for Change {
    type Err = ();

    fn from_str(message: &str) -> Result<Self, ()> {
        let mut words = message.split(' ');
        let mut word = || words.next().ok_or(());
        let key = Uuid::try_parse(word()?).map_err(|_| ())?;
        Ok(Self { key, seq: word()?.parse().map_err(|_| ())? })
    }
}

impl Doorbell {
    pub(super) fn new(keys: Keys, bell: Arc<dyn Bell>) -> Self {
        Self { keys, bell, listening: Mutex::default() }
    }

    /// Adds a listener.
    pub(super) fn listen(&self, id: &ApprovalId) {
        let mut listening = self.listening();
        listening.entry(id.clone()).or_default().listeners += 1;
        metrics().subscribed(listening.len());
    }

    /// Takes a listener away; returns whether it was the last.
    pub(super) fn forget(&self, id: &ApprovalId) -> bool {
        let mut listening = self.listening();
        let Entry::Occupied(mut entry) = listening.entry(id.clone()) else { return false };
        entry.get_mut().listeners -= 1;
        let last = entry.get().listeners == 0;
        if last {
            entry.remove();
            metrics().subscribed(listening.len());
        }
        last
    }

    /// Whether anybody listens for it.
    pub(super) fn is_listened_for(&self, id: &ApprovalId) -> bool {
        self.listening().contains_key(id)
    }

    /// Keeps what was asked, for as long as anybody listens.
    pub(super) fn keep(&self, parked: &Approval) {
        if let Some(listening) = self.listening().get_mut(&parked.id) {
            listening.held = Some(Arc::clone(&parked.held));
        }
    }

    /// What was asked, where it is known here.
    pub(super) fn held(&self, id: &ApprovalId) -> Option<Arc<Held>> {
        self.listening().get(id)?.held.clone()
    }

    /// All that anybody listens for, as if nothing had been heard yet: a Redis that lost records counts anew.
    pub(super) fn begin_anew(&self) -> Vec<ApprovalId> {
        let mut listening = self.listening();
        listening.values_mut().for_each(|listening| listening.heard = 0);
        listening.keys().cloned().collect()
    }

    /// Whether Redis ended the subscription to a queue. We never do: its slot has moved to another node.
    pub(super) fn was_moved(&self, push: &PushInfo) -> bool {
        let channel = push.data.first().and_then(text).and_then(|name| self.keys.channel(name));
        push.kind == PushKind::SUnsubscribe && matches!(channel, Some(Channel::Changes(_)))
    }

    /// Handles a message.
    pub(super) fn hear(&self, push: &PushInfo) {
        let (PushKind::Message | PushKind::SMessage, [channel, message]) = (&push.kind, push.data.as_slice())
        else {
            return;
        };
        let (Some(channel), Some(message)) = (text(channel), text(message)) else { return };
        let (Some(channel), Ok(change)) = (self.keys.channel(channel), message.parse()) else {
            tracing::warn!(channel, message, "a message that is none of ours");
            return;
        };
        match channel {
            Channel::Ring(queue) => _ = self.ring_if(queue, &change, |_| true),
            Channel::Changes(queue) => self.bell.changed(&ApprovalId::with_key(queue, change.key)),
        }
    }

    /// Rings for a change that the safety net found, unless it was heard.
    pub(super) fn ring_if_unheard(&self, queue: QueueName, change: &Change) {
        if self.ring_if(queue, change, |heard| change.seq > heard) {
            metrics().doorbell_missed();
        }
    }

    /// Returns whether it rang.
    fn ring_if(&self, queue: QueueName, change: &Change, news: impl FnOnce(u64) -> bool) -> bool {
        let id = ApprovalId::with_key(queue, change.key);
        let rings = self.listening().get_mut(&id).is_some_and(|listening| {
            let rings = news(listening.heard);
            if rings {
                listening.heard = change.seq;
            }
            rings
        });
        if rings {
            self.bell.ring(&id);
        }
        rings
    }

    /// Rings for everything: messages were lost.
    pub(super) fn ring_all(&self) {
        self.bell.ring_all();
    }

    fn listening(&self) -> MutexGuard<'_, HashMap<ApprovalId, Listening>> {
        self.listening.lock().expect("nothing panics while it holds the lock")
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}
