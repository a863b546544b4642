//! What happened, in a form that shows whether somebody changed it afterwards.
//!
//! A *fact* is what a transition, or anything else worth telling, left behind. It becomes an *entry* when it gets its
//! place in a *chain*: each entry carries the hash of the one before. The chains are those of the queues, and one for
//! what belongs to none. A *checkpoint* is a signature under a place in a chain: whoever rewrites all hashes cannot
//! make that. The form in which an entry is written is part of what it says, so it stands here and not at an edge.

mod chain;
mod checkpoint;
mod event;
mod fact;
mod verify;

#[cfg(test)]
mod tests;

pub use self::chain::{Chain, Head, Line, Place, SYSTEM, Sha256Hex};
pub use self::checkpoint::{Checkpoint, KeyError, Notary, PublicKey};
pub use self::event::Event;
pub use self::fact::{Asked, Detail, Fact, Note};
pub use self::verify::{Fault, Finding, Report, Section, verify};
