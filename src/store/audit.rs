//! What happened: as the transitions wrote it, and as it stands in chains.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::domain::audit::{Chain, Fact, Head, Line, Note, Place};
use crate::domain::ids::ReplicaId;

/// The audit of a store. Transitions write facts in the same step as the record; a replica gives each its place in a
/// chain, and ships it.
#[async_trait]
pub trait AuditLog: Send + Sync + 'static {
    /// All chains that there may be something in.
    async fn chains(&self) -> Result<Vec<Chain>, StoreError>;

    /// Writes down what changes no record.
    async fn write_down(&self, note: &Note) -> Result<(), StoreError>;

    /// The end of a chain.
    async fn head(&self, chain: &Chain) -> Result<Head, StoreError>;

    /// What happened and is not in the chain yet, oldest first, at most so much of it.
    async fn facts(&self, chain: &Chain, head: &Head, limit: usize) -> Result<Vec<Fact>, StoreError>;

    /// Appends lines to a chain that ends at `from`, and now ends at `to`.
    ///
    /// Returns false, and changes nothing, where it ends elsewhere: another replica was first.
    async fn append(&self, chain: &Chain, from: &Head, lines: &[Line], to: &Head)
    -> Result<bool, StoreError>;

    /// The lines behind a place, oldest first, at most so many.
    async fn lines(&self, chain: &Chain, after: Place, limit: usize) -> Result<Vec<Line>, StoreError>;

    /// The lines before a place, or before the end, newest first, at most so many.
    async fn lines_before(
        &self,
        chain: &Chain,
        before: Option<Place>,
        limit: usize,
    ) -> Result<Vec<Line>, StoreError>;

    /// Whether it is for this replica to ship the chain to the sink. It is so from now on for this long, and others wait.
    async fn take_turn(
        &self,
        chain: &Chain,
        sink: &str,
        replica: ReplicaId,
        turn: Duration,
    ) -> Result<bool, StoreError>;

    /// Up to where a sink has the chain.
    async fn shipped(&self, chain: &Chain, sink: &str) -> Result<Place, StoreError>;

    /// Notes up to where a sink has the chain.
    async fn note_shipped(&self, chain: &Chain, sink: &str, place: Place) -> Result<(), StoreError>;

    /// Forgets lines before this place, and what the store keeps twice.
    async fn trim(&self, chain: &Chain, before: Place) -> Result<(), StoreError>;
}
