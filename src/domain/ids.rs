//! Names and numbers that tell one thing from another.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::{NoContext, Uuid};

/// Why a text is not the name or id that it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// A queue name has other characters or another length.
    #[error(
        "a queue name has 1 to 32 characters out of a-z, 0-9 and '-', and begins and ends with a letter or digit: {0:?}"
    )]
    Queue(String),
    /// Not an approval's id.
    #[error("an approval id is a queue's name, '-' and 32 hexadecimal digits: {0:?}")]
    Approval(String),
    /// Not 32 hexadecimal digits.
    #[error("an id has 32 hexadecimal digits: {0:?}")]
    Random(String),
    /// Not 16 hexadecimal digits.
    #[error("a digest has 16 hexadecimal digits: {0:?}")]
    Digest(String),
    /// Not 40 hexadecimal digits.
    #[error("an incarnation has 40 hexadecimal digits: {0:?}")]
    Incarnation(String),
    /// Not a SHA-256 in hexadecimal.
    #[error("a fingerprint has 64 hexadecimal digits: {0:?}")]
    Fingerprint(String),
}

/// The queue in which approvals wait for the same people. It becomes part of keys, ids and addresses, so its
/// alphabet is small.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueName(Arc<str>);

impl QueueName {
    /// The queue's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for QueueName {
    type Err = InvalidId;

    fn from_str(name: &str) -> Result<Self, InvalidId> {
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !plain || name.is_empty() || name.len() > 32 || name.starts_with('-') || name.ends_with('-') {
            return Err(InvalidId::Queue(name.to_owned()));
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An approval's id: its queue and a UUIDv7. That the id names the queue spares a look-up of where the record lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApprovalId {
    queue: QueueName,
    key: Uuid,
}

impl ApprovalId {
    /// A new id; 74 of its bits are random.
    pub fn new(queue: QueueName, now: Timestamp) -> Self {
        let (seconds, nanos) = (now.as_second().unsigned_abs(), now.subsec_nanosecond().unsigned_abs());
        Self { queue, key: Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos)) }
    }

    /// The id with this key in this queue, as a store kept it.
    pub fn with_key(queue: QueueName, key: Uuid) -> Self {
        Self { queue, key }
    }

    /// The queue that the approval waits in.
    pub fn queue(&self) -> &QueueName {
        &self.queue
    }

    /// What tells it from others in its queue.
    pub fn key(&self) -> Uuid {
        self.key
    }
}

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.queue, self.key.as_simple())
    }
}

impl FromStr for ApprovalId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::Approval(text.to_owned());
        let (queue, key) = text.rsplit_once('-').ok_or_else(invalid)?;
        if key.len() != 32 {
            return Err(invalid());
        }
        Ok(Self {
            queue: queue.parse().map_err(|_| invalid())?,
            key: Uuid::try_parse(key).map_err(|_| invalid())?,
        })
    }
}

/// An id of 122 random bits, written as 32 hexadecimal digits.
macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one, from the operating system's random source.
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.as_simple())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId::Random(text.to_owned()))
            }
        }
    };
}

random_id! {
    /// One Check; it gets one answer.
    AttemptId
}
random_id! {
    /// One life of one replica process: a restarted replica has a new one.
    ReplicaId
}
random_id! {
    /// One decision by a reviewer, however often it is sent.
    DecisionId
}

/// The first 64 bits of a digest, written as 16 hexadecimal digits.
macro_rules! digest_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name([u8; 8]);

        impl $name {
            /// The digest of these parts; no two lists of parts share an input.
            pub fn of(parts: &[&str]) -> Self {
                let mut hash = Sha256::new();
                for part in parts {
                    hash.update((part.len() as u64).to_be_bytes());
                    hash.update(part.as_bytes());
                }
                let digest: [u8; 32] = hash.finalize().into();
                Self(std::array::from_fn(|n| digest[n]))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let mut key = [0; 8];
                hex::decode_to_slice(text, &mut key).map_err(|_| InvalidId::Digest(text.to_owned()))?;
                Ok(Self(key))
            }
        }
    };
}

digest_key! {
    /// One MCP session of one caller. The session's id itself is a key to the session, so it is kept nowhere.
    SessionKey
}
digest_key! {
    /// One JSON-RPC request within a session.
    RequestKey
}
digest_key! {
    /// One caller, for counting.
    CallerKey
}
digest_key! {
    /// One caller's use of one tool: what calls are compared within.
    UsageKey
}

/// One life of the store: Redis' `master_replid`, another one after each restart and each promotion of a primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Incarnation([u8; 20]);

impl Incarnation {
    /// The one life of a store that ends with its process.
    pub const ONLY: Self = Self([0; 20]);
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Incarnation {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut id = [0; 20];
        hex::decode_to_slice(text, &mut id).map_err(|_| InvalidId::Incarnation(text.to_owned()))?;
        Ok(Self(id))
    }
}

/// Who a caller, an actor or a reviewer is, as their issuer names them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(pub String);

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A group of reviewers, as the reviewers' issuer names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group(pub String);

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_id_reads_back_and_names_its_queue() {
        let id = ApprovalId::new("dba-eu".parse().unwrap(), Timestamp::now());
        assert_eq!(id.to_string().parse::<ApprovalId>().unwrap(), id);
        assert_eq!(id.queue().as_str(), "dba-eu");
    }

    #[test]
    fn names_that_could_leave_their_key_or_address_are_refused() {
        for name in ["", "-a", "a-", "A", "a b", "a}", "a:b", "a/b", "ä", &"a".repeat(33)] {
            assert!(name.parse::<QueueName>().is_err(), "{name:?}");
        }
        for id in
            ["", "dba", "dba-1", "-0193a1b2c3d47e8f9a0b1c2d3e4f5061", "dba-{193a1b2c3d47e8f9a0b1c2d3e4f5061"]
        {
            assert!(id.parse::<ApprovalId>().is_err(), "{id:?}");
        }
    }
}
