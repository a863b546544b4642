//! Entries that each carry the hash of the one before.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::checkpoint::{Checkpoint, Notary};
use super::fact::Fact;
use crate::domain::ids::{InvalidId, QueueName};

/// The form of the entries that this code writes.
pub(super) const VERSION: u8 = 1;

/// How the chain of what belongs to no queue is called; no queue can have this name.
pub const SYSTEM: &str = "(system)";

/// Whose chain it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Chain {
    /// All that happens in a queue.
    Queue(QueueName),
    /// What belongs to no queue.
    System,
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(queue) => queue.fmt(f),
            Self::System => f.write_str(SYSTEM),
        }
    }
}

impl FromStr for Chain {
    type Err = InvalidId;

    fn from_str(name: &str) -> Result<Self, InvalidId> {
        if name == SYSTEM { Ok(Self::System) } else { name.parse().map(Self::Queue) }
    }
}

impl TryFrom<String> for Chain {
    type Error = InvalidId;

    fn try_from(name: String) -> Result<Self, InvalidId> {
        name.parse()
    }
}

impl From<Chain> for String {
    fn from(chain: Chain) -> Self {
        chain.to_string()
    }
}

/// A SHA-256, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Hex([u8; 32]);

impl Sha256Hex {
    /// What the first entry of a chain names as the one before.
    pub const NONE: Self = Self([0; 32]);

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256Hex({self})")
    }
}

impl FromStr for Sha256Hex {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).map_err(|_| InvalidId::Fingerprint(text.to_owned()))?;
        Ok(Self(digest))
    }
}

impl TryFrom<String> for Sha256Hex {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<Sha256Hex> for String {
    fn from(hash: Sha256Hex) -> Self {
        hash.to_string()
    }
}

/// Where a line stands in its chain. A checkpoint stands behind the entry that it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The number of the entry, from 1.
    pub number: u64,
    /// Whether it is the checkpoint behind that entry.
    pub checkpoint: bool,
}

impl Place {
    /// Before the first entry.
    pub const START: Self = Self { number: 0, checkpoint: false };

    /// Of the entry of this number.
    pub fn entry(number: u64) -> Self {
        Self { number, checkpoint: false }
    }
}

/// One line of the audit, an entry or a checkpoint, as it is kept, shipped and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it stands.
    pub place: Place,
    /// `{"entry": …, "hash": …}` or `{"checkpoint": …, "signature": …}`. The first is RFC 8785 canonical JSON, and the second is
    /// of its bytes as they stand here.
    pub text: String,
}

impl Line {
    /// What the entry says; none where the line is a checkpoint, or unreadable.
    pub fn fact(&self) -> Option<Fact> {
        #[derive(Deserialize)]
        struct Written {
            entry: Fact,
        }
        serde_json::from_str(&self.text).ok().map(|written: Written| written.entry)
    }

    /// The hash that it carries of the entry before; none where it is a checkpoint, or unreadable.
    pub fn prev(&self) -> Option<Sha256Hex> {
        #[derive(Deserialize)]
        struct Linked {
            prev: Sha256Hex,
        }
        #[derive(Deserialize)]
        struct Written {
            entry: Linked,
        }
        serde_json::from_str(&self.text).ok().map(|written: Written| written.entry.prev)
    }

    /// When it was written; none where it is unreadable.
    pub fn at(&self) -> Option<Timestamp> {
        #[derive(Deserialize)]
        struct Dated {
            at: Timestamp,
        }
        #[derive(Deserialize)]
        struct Written {
            #[serde(alias = "checkpoint")]
            entry: Dated,
        }
        serde_json::from_str(&self.text).ok().map(|written: Written| written.entry.at)
    }
}

/// The end of a chain, where the next entry goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The number of the last entry; 0 where there is none.
    pub number: u64,
    /// Its hash.
    pub hash: Sha256Hex,
    /// Its source: what the store has behind that is not in the chain yet.
    pub source: String,
    /// The number under the last checkpoint; 0 where there is none.
    pub signed: u64,
    /// When that was signed.
    pub signed_at: Timestamp,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            number: 0,
            hash: Sha256Hex::NONE,
            source: String::new(),
            signed: 0,
            signed_at: Timestamp::UNIX_EPOCH,
        }
    }
}

impl Head {
    /// Gives a fact its place at the end of the chain.
    pub fn append(&mut self, chain: &Chain, fact: &Fact) -> Line {
        #[derive(Serialize)]
        struct Entry<'a> {
            version: u8,
            chain: &'a Chain,
            number: u64,
            prev: Sha256Hex,
            #[serde(flatten)]
            fact: &'a Fact,
        }
        let (number, prev) = (self.number + 1, self.hash);
        let entry = canonical(&Entry { version: VERSION, chain, number, prev, fact });
        (self.number, self.hash) = (number, Sha256Hex::of(entry.as_bytes()));
        self.source.clone_from(&fact.source);
        Line { place: Place::entry(number), text: format!(r#"{{"entry":{entry},"hash":"{}"}}"#, self.hash) }
    }

    /// Signs the end of the chain.
    pub fn sign(&mut self, chain: &Chain, notary: &Notary, now: Timestamp) -> Line {
        (self.signed, self.signed_at) = (self.number, now);
        let checkpoint = canonical(&Checkpoint {
            version: VERSION,
            chain: chain.to_string(),
            number: self.number,
            hash: self.hash,
            at: now,
            key: notary.public_key(),
        });
        let signature = notary.sign(&checkpoint);
        let text = format!(r#"{{"checkpoint":{checkpoint},"signature":"{signature}"}}"#);
        Line { place: Place { number: self.number, checkpoint: true }, text }
    }
}

/// RFC 8785: one text for equal values.
fn canonical(value: &impl Serialize) -> String {
    serde_json_canonicalizer::to_string(value).expect("text and whole numbers have a canonical form")
}
