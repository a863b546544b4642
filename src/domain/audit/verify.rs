//! Whether a file holds the audit as it was written, with nothing but the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::chain::{Sha256Hex, VERSION};
use super::checkpoint::{Checkpoint, PublicKey};

/// What a file proves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// By chain.
    pub chains: BTreeMap<String, Section>,
}

/// The part of one chain that a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// The number of its first entry. Before that there may be others, which the file says nothing of.
    pub first: u64,
    /// The number of its last entry.
    pub last: u64,
    /// The hash of that.
    pub hash: Sha256Hex,
    /// How many lines say again what was said: who ships at least once may ship twice.
    pub repeated: usize,
    /// The last entry with a signed checkpoint on or behind it: what follows can still be cut off or rewritten.
    pub signed: Option<u64>,
    /// Who signed, as public keys.
    pub keys: BTreeSet<String>,
}

/// The first line that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct Finding {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Not a line of an audit, or of a version that this program does not know.
    Unreadable(String),
    /// The entry does not have its own hash: somebody changed it.
    Changed(Entry),
    /// Entries are missing before this one.
    Missing {
        /// The entry in front of which they are missing.
        before: Entry,
        /// The first that is missing.
        from: u64,
    },
    /// The entry stands elsewhere than it was written.
    Misplaced(Entry),
    /// There are two different entries with this number.
    Inserted(Entry),
    /// The entry was written after another one than the one that stands before it.
    Unlinked(Entry),
    /// The checkpoint is of another chain than the one in this file.
    Contradicted(Entry),
    /// The checkpoint's signature is not right.
    Forged(Entry),
    /// The checkpoint is signed by another key than the one that was asked for.
    OtherKey(Entry),
    /// Nothing in the chain is signed, although a key was asked for.
    Unsigned(String),
}

/// Which entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose chain.
    pub chain: String,
    /// Its number.
    pub number: u64,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.number, self.chain)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "not a line of an audit: {why}"),
            Self::Changed(entry) => write!(f, "entry {entry} was changed: it does not have its own hash"),
            Self::Missing { before, from } if *from + 1 == before.number => {
                write!(f, "entry {from} of {} is missing", before.chain)
            }
            Self::Missing { before, from } => {
                write!(f, "entries {from} to {} of {} are missing", before.number - 1, before.chain)
            }
            Self::Misplaced(entry) => write!(f, "entry {entry} stands in another order than it was written"),
            Self::Inserted(entry) => write!(f, "there are two different entries {entry}"),
            Self::Unlinked(entry) => {
                write!(f, "entry {entry} was written after another one than the one before it")
            }
            Self::Contradicted(entry) => write!(f, "the checkpoint of entry {entry} is of another entry"),
            Self::Forged(entry) => write!(f, "the checkpoint of entry {entry} is not signed by its key"),
            Self::OtherKey(entry) => write!(f, "the checkpoint of entry {entry} is signed by another key"),
            Self::Unsigned(chain) => write!(f, "no checkpoint of {chain} is signed by this key"),
        }
    }
}

/// Checks a file of entries and checkpoints, of any number of chains, in one pass.
///
/// A file may begin anywhere in a chain, and lines may come again as they were. With a key, every checkpoint has to be
/// signed by it, and every chain to have one.
pub fn verify(text: &str, key: Option<&PublicKey>) -> Result<Report, Finding> {
    let lines: Vec<&str> = text.lines().collect();
    let mut tracks = BTreeMap::new();
    for (n, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let checked = Content::read(line).and_then(|content| content.follow(&mut tracks, key));
        checked.map_err(|fault| Finding { line: n + 1, fault: explained(fault, &lines[n + 1..]) })?;
    }
    // A checkpoint of what stands before the file says nothing of what is in it.
    let is_unsigned = |track: &Track| track.signed.is_none_or(|signed| signed < track.first);
    let unsigned = tracks.iter().find(|(_, track)| key.is_some() && is_unsigned(track));
    if let Some((chain, _)) = unsigned {
        return Err(Finding { line: lines.len(), fault: Fault::Unsigned(chain.clone()) });
    }
    Ok(Report { chains: tracks.into_iter().map(|(chain, track)| (chain, track.section())).collect() })
}

/// What seems to be missing may come later, in the wrong order.
fn explained(fault: Fault, rest: &[&str]) -> Fault {
    let Fault::Missing { before, from } = fault else { return fault };
    let is_it = |content: &Content| matches!(content, Content::Entry(link) if link.at.chain == before.chain && link.at.number == from);
    match rest.iter().filter_map(|line| Content::read(line).ok()).any(|content| is_it(&content)) {
        true => Fault::Misplaced(before),
        false => Fault::Missing { before, from },
    }
}

/// What a line says.
enum Content {
    Entry(Link),
    Stamp(Stamp),
}

/// An entry, as far as its place goes.
struct Link {
    at: Entry,
    prev: Sha256Hex,
    hash: Sha256Hex,
}

/// A checkpoint, and whether its signature is right.
struct Stamp {
    checkpoint: Checkpoint,
    signed: bool,
}

/// A line as it stands: hash and signature are those of the bytes in front of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    #[serde(borrow)]
    entry: Option<&'a RawValue>,
    hash: Option<Sha256Hex>,
    #[serde(borrow)]
    checkpoint: Option<&'a RawValue>,
    signature: Option<String>,
}

#[derive(Deserialize)]
struct Numbered {
    version: u8,
    chain: String,
    number: u64,
    prev: Sha256Hex,
}

impl Content {
    fn read(line: &str) -> Result<Self, Fault> {
        let unreadable = |why: serde_json::Error| Fault::Unreadable(why.to_string());
        match serde_json::from_str(line).map_err(unreadable)? {
            Written { entry: Some(entry), hash: Some(hash), checkpoint: None, signature: None } => {
                let Numbered { version, chain, number, prev } =
                    serde_json::from_str(entry.get()).map_err(unreadable)?;
                known(version)?;
                let at = Entry { chain, number };
                if hash != Sha256Hex::of(entry.get().as_bytes()) {
                    return Err(Fault::Changed(at));
                }
                Ok(Self::Entry(Link { at, prev, hash }))
            }
            Written { checkpoint: Some(text), signature: Some(signature), entry: None, hash: None } => {
                let checkpoint: Checkpoint = serde_json::from_str(text.get()).map_err(unreadable)?;
                known(checkpoint.version)?;
                let signed = checkpoint.key.has_signed(text.get(), &signature);
                Ok(Self::Stamp(Stamp { checkpoint, signed }))
            }
            _ => Err(Fault::Unreadable(
                "neither an entry with its hash nor a checkpoint with its signature".into(),
            )),
        }
    }

    fn follow(self, tracks: &mut BTreeMap<String, Track>, key: Option<&PublicKey>) -> Result<(), Fault> {
        match self {
            Self::Entry(link) => {
                let begin = || Track::begin(link.at.number, link.prev);
                tracks.entry(link.at.chain.clone()).or_insert_with(begin).follow(link)
            }
            Self::Stamp(Stamp { checkpoint, signed: true }) => {
                let begin = || Track::begin(checkpoint.number + 1, checkpoint.hash);
                tracks.entry(checkpoint.chain.clone()).or_insert_with(begin).stamp(&checkpoint, key)
            }
            Self::Stamp(Stamp { checkpoint: Checkpoint { chain, number, .. }, signed: false }) => {
                Err(Fault::Forged(Entry { chain, number }))
            }
        }
    }
}

fn known(version: u8) -> Result<(), Fault> {
    let unknown = || Fault::Unreadable(format!("it has version {version}, this program reads {VERSION}"));
    (version == VERSION).then_some(()).ok_or_else(unknown)
}

/// One chain, as far as it was read.
struct Track {
    first: u64,
    /// The hash of the entry in front of the first.
    before: Sha256Hex,
    hashes: Vec<Sha256Hex>,
    repeated: usize,
    signed: Option<u64>,
    keys: BTreeSet<String>,
}

impl Track {
    fn begin(first: u64, before: Sha256Hex) -> Self {
        Self { first, before, hashes: Vec::new(), repeated: 0, signed: None, keys: BTreeSet::new() }
    }

    fn next(&self) -> u64 {
        self.first + self.hashes.len() as u64
    }

    /// The hash of an entry that was read, or of the one in front of the first.
    fn hash(&self, number: u64) -> Option<Sha256Hex> {
        match number.checked_sub(self.first) {
            Some(place) => self.hashes.get(usize::try_from(place).ok()?).copied(),
            None => (number + 1 == self.first).then_some(self.before),
        }
    }

    fn follow(&mut self, Link { at, prev, hash }: Link) -> Result<(), Fault> {
        let next = self.next();
        if at.number > next {
            return Err(Fault::Missing { before: at, from: next });
        }
        if at.number < self.first {
            return Err(Fault::Misplaced(at));
        }
        if at.number < next {
            if self.hash(at.number) != Some(hash) {
                return Err(Fault::Inserted(at));
            }
            self.repeated += 1;
            return Ok(());
        }
        if self.hash(next - 1) != Some(prev) || (next == 1 && prev != Sha256Hex::NONE) {
            return Err(Fault::Unlinked(at));
        }
        self.hashes.push(hash);
        Ok(())
    }

    fn stamp(&mut self, checkpoint: &Checkpoint, key: Option<&PublicKey>) -> Result<(), Fault> {
        let number = checkpoint.number;
        let at = Entry { chain: checkpoint.chain.clone(), number };
        if key.is_some_and(|key| *key != checkpoint.key) {
            return Err(Fault::OtherKey(at));
        }
        if number >= self.next() {
            return Err(Fault::Missing { before: Entry { number: number + 1, ..at }, from: self.next() });
        }
        if self.hash(number).is_some_and(|hash| hash != checkpoint.hash) {
            return Err(Fault::Contradicted(at));
        }
        self.signed = self.signed.max(Some(number));
        self.keys.insert(checkpoint.key.to_string());
        Ok(())
    }

    fn section(self) -> Section {
        let (first, last) = (self.first, self.next() - 1);
        let hash = self.hash(last).unwrap_or(self.before);
        Section { first, last, hash, repeated: self.repeated, signed: self.signed, keys: self.keys }
    }
}
