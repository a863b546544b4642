//! Every key and channel, and what each holds.
//!
//! All of a queue begin with `{prefix}:{{queue}}`, so that one script may touch them in a cluster too:
//!
//! | after that | type | holds |
//! |---|---|---|
//! | `:record:<key>` | string | where the approval stands: its fields, with commas between them |
//! | `:held:<key>` | string | what was asked, opaque, written once |
//! | `:votes:<key>` | list | the votes, in order |
//! | `:open`, `:ended` | sorted set | keys by time of parking: pending and approved ones, all others |
//! | `:due` | sorted set | keys by when the sweep has to end or forget them |
//! | `:calls` | sorted set | `<fingerprint>:<replica, - or !>:<key>` of those that may be taken up or were rejected |
//! | `:requests` | sorted set | `<session>:<request>:<key>` of those that an agent can withdraw |
//! | `:callers` | hash | how many of each caller's are open |
//! | `:usage:<caller and tool>` | hash | `calls`: how many of its calls are on record; the keys of what was decided last: `approved` of all of them, `+<fingerprint>` and `-<fingerprint>` approved and rejected of the identical one |
//! | `:attempt:<attempt>` | string | which record an attempt took up; kept for a minute |
//! | `:replicas` | sorted set | replicas by the end of their lease |
//! | `:audit` | stream | one raw entry a transition, or a note: `event key seq who state detail`, or `note about who detail` |
//! | `:chain` | hash | the end of the chain that the raw entries become part of, and up to which of them they are |
//! | `:lines` | stream | the chain, `<number>-0` an entry and `<number>-1` a checkpoint behind it |
//! | `:sinks` | hash | up to which line each sink has the chain |
//! | `:turn:<sink>` | string | the replica that ships the chain to the sink, or seals it; it expires |
//! | `:ring:<key>` | channel | `<key> <seq> <event>` of each change of this approval |
//! | `:changes` | channel | the same of every approval in the queue |
//!
//! What belongs to no queue is audited under `{prefix}:{(system)}`, which is no queue's name.
//! Beside them `{prefix}:queues` is the set of all queues, `{prefix}:session:<digest>` a session (a string that expires), and
//! `{prefix}:tokens` a hash of API tokens by digest. The scripts append the names above to what
//! [`Keys::queue`] gives them.

use uuid::Uuid;

use crate::domain::audit::Chain;
use crate::domain::credential::TokenDigest;
use crate::domain::ids::{ApprovalId, QueueName};

/// The names of keys and channels under one prefix.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: String,
}

/// What a channel rings for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// One approval.
    Ring(QueueName),
    /// A queue.
    Changes(QueueName),
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// What all keys of a queue begin with.
    pub(super) fn queue(&self, queue: &QueueName) -> String {
        format!("{}:{{{queue}}}", self.prefix)
    }

    /// What all keys of a chain begin with: those of its queue.
    pub(super) fn chain(&self, chain: &Chain) -> String {
        format!("{}:{{{chain}}}", self.prefix)
    }

    /// What the scripts wrote of a queue, or of what belongs to none.
    pub(super) fn raw(&self, chain: &Chain) -> String {
        format!("{}:audit", self.chain(chain))
    }

    /// The end of a chain.
    pub(super) fn head(&self, chain: &Chain) -> String {
        format!("{}:chain", self.chain(chain))
    }

    /// The lines of a chain.
    pub(super) fn lines(&self, chain: &Chain) -> String {
        format!("{}:lines", self.chain(chain))
    }

    /// Up to which line each sink has a chain.
    pub(super) fn sinks(&self, chain: &Chain) -> String {
        format!("{}:sinks", self.chain(chain))
    }

    /// Who ships a chain to a sink.
    pub(super) fn turn(&self, chain: &Chain, sink: &str) -> String {
        format!("{}:turn:{sink}", self.chain(chain))
    }

    /// The set of all queues.
    pub(super) fn queues(&self) -> String {
        format!("{}:queues", self.prefix)
    }

    /// The session of this secret.
    pub(super) fn session(&self, secret: &TokenDigest) -> String {
        format!("{}:session:{secret}", self.prefix)
    }

    /// All API tokens.
    pub(super) fn tokens(&self) -> String {
        format!("{}:tokens", self.prefix)
    }

    /// A queue's audit.
    pub(super) fn audit(&self, queue: &QueueName) -> String {
        format!("{}:audit", self.queue(queue))
    }

    /// Where an approval stands.
    pub(super) fn record(&self, id: &ApprovalId) -> String {
        format!("{}:record:{}", self.queue(id.queue()), record_key(id.key()))
    }

    /// What was asked.
    pub(super) fn held(&self, id: &ApprovalId) -> String {
        format!("{}:held:{}", self.queue(id.queue()), record_key(id.key()))
    }

    /// The open approvals of a queue.
    pub(super) fn open(&self, queue: &QueueName) -> String {
        format!("{}:open", self.queue(queue))
    }

    /// The channel of an approval.
    pub(super) fn ring(&self, id: &ApprovalId) -> String {
        format!("{}:ring:{}", self.queue(id.queue()), record_key(id.key()))
    }

    /// The channel of a queue.
    pub(super) fn changes(&self, queue: &QueueName) -> String {
        format!("{}:changes", self.queue(queue))
    }

    /// What a channel rings for; none where it is not one of ours.
    pub(super) fn channel(&self, name: &str) -> Option<Channel> {
        let (queue, rest) = name.strip_prefix(&self.prefix)?.strip_prefix(":{")?.split_once("}:")?;
        let queue = queue.parse().ok()?;
        if rest == "changes" {
            return Some(Channel::Changes(queue));
        }
        rest.starts_with("ring:").then_some(Channel::Ring(queue))
    }
}

/// How an approval is named in keys, indexes, audit and messages.
pub(super) fn record_key(key: Uuid) -> String {
    key.as_simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn channels_read_back_and_others_do_not() {
        let keys = Keys::new("holdpoint");
        let queue: QueueName = "dba".parse().unwrap();
        let id = ApprovalId::new(queue.clone(), Timestamp::now());
        assert_eq!(keys.channel(&keys.ring(&id)), Some(Channel::Ring(queue.clone())));
        assert_eq!(keys.channel(&keys.changes(&queue)), Some(Channel::Changes(queue)));
        for other in ["holdpoint:{dba}:audit", "other:{dba}:changes", "holdpoint:{d b}:changes", ""] {
            assert_eq!(keys.channel(other), None, "{other:?}");
        }
    }
}
