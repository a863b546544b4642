//! Where approvals live.
//!
//! A store applies the transitions of [`crate::domain::approval`], each as one step that others see whole or not at
//! all: the first that ends an approval wins, and every later one is told what stands. It also rings: after a change
//! it tells every replica which record to look at. A ring is a hint, never a verdict.

pub mod around;
mod audit;
mod identities;
pub mod measured;
pub mod memory;
pub mod redis;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use std::sync::Arc;

pub use self::audit::AuditLog;
pub use self::identities::IdentityStore;
use crate::domain::act::{Act, ActRefused};
use crate::domain::approval::{Approval, Departure, Held, Holder, StateKind, VoteRefused};
use crate::domain::audit::Note;
use crate::domain::decision::Vote;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ApprovalId, AttemptId, Group, QueueName, RequestKey, SessionKey, Subject};
use crate::domain::probe;
use crate::domain::ruling::{Cap, Caps};

/// The records of held calls, and the transitions that they go through.
///
/// Every method may be called again with the same attempt or decision after an error: a command that timed out may
/// have run, and the second call then finds that it did.
#[async_trait]
pub trait ApprovalStore: Send + Sync + 'static {
    /// Writes a held call down, or takes up the record of the identical call whose holder is gone.
    ///
    /// Returns the record that the attempt now belongs to: pending, or released to this attempt where the call had
    /// been approved meanwhile. Two identical calls that both wait have a record each. Where the identical call was
    /// rejected within the cool-down, it returns that record, and writes nothing.
    async fn park(&self, parking: &Parking) -> Result<Approval, StoreError>;

    /// The record as it stands; none where there is none.
    async fn look(&self, id: &ApprovalId) -> Result<Option<Approval>, StoreError>;

    /// Counts a vote; `vote.at` is replaced by the store's time.
    ///
    /// Returns the record as it stands after it.
    async fn vote(&self, id: &ApprovalId, vote: &Vote) -> Result<Approval, VoteError>;

    /// Does what a person does beside voting; `act.at` is replaced by the store's time.
    ///
    /// Returns the record as it stands after it.
    async fn act(&self, id: &ApprovalId, act: &Act) -> Result<Approval, ActError>;

    /// Whether as many replicas of the store as were asked for have this record as it stands here, or as it stood later
    /// in the same life; none where none were asked for.
    ///
    /// What was changed stands either way, but without replicas it can be lost with its server.
    async fn replicated(&self, _standing: &Approval) -> Option<bool> {
        None
    }

    /// Releases an approved call to the attempt that waits for it, at most once.
    ///
    /// Returns the record as it stands afterwards, whether this attempt was released or not; none where there is no
    /// record. A replica whose lease has run out is refused: others may have taken it for dead.
    async fn claim(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Approval>, StoreError>;

    /// Notes that an attempt no longer waits, for the record of this id or, where park could not tell it of that, for
    /// the one that it took up instead.
    ///
    /// Returns the record as it stands afterwards; none where there is no record.
    async fn detach(
        &self,
        id: &ApprovalId,
        attempt: AttemptId,
        departure: Departure,
    ) -> Result<Option<Approval>, StoreError>;

    /// Detaches what the caller has withdrawn: the attempts of this session, or the one of this request in it.
    async fn withdraw(&self, session: SessionKey, request: Option<RequestKey>) -> Result<(), StoreError>;

    /// How many approvals are open, queue by queue.
    async fn count_open(&self) -> Result<Vec<OpenIn>, StoreError>;

    /// Ends what is overdue and forgets what ended longer ago than the retention, in all queues.
    ///
    /// Returns what it ended.
    async fn sweep(&self) -> Result<Vec<ApprovalId>, StoreError>;

    /// Renews this replica's sign of life. Without it for [`LEASE`], its attempts count as gone.
    async fn renew_lease(&self) -> Result<(), StoreError>;

    /// Writes down what changes no record.
    async fn note(&self, note: &Note) -> Result<(), StoreError>;

    /// Lists records.
    async fn list(&self, query: &Query) -> Result<Page, StoreError>;

    /// What was asked and decided before, out of the same queue and not forgotten yet, that a reviewer of this record
    /// should know of.
    async fn precedents(&self, id: &ApprovalId) -> Result<Precedents, StoreError>;

    /// Makes sure that changes of this record ring here from now on.
    ///
    /// An error does not make waiting wrong, only slower: a slower look at what changed rings too.
    async fn listen(&self, id: &ApprovalId) -> Result<(), StoreError>;

    /// Ends what [`ApprovalStore::listen`] began.
    fn forget(&self, id: &ApprovalId);

    /// Whether the store answers now.
    fn health(&self) -> Health;
}

/// How long what has ended in this queue is kept: of probes there are many, and nobody asks for them later.
fn retention(queue: &QueueName, retention: Duration) -> Duration {
    if probe::is_queue(queue) { retention.min(probe::RETENTION) } else { retention }
}

/// Whom a store rings. Whoever is rung looks.
pub trait Bell: Send + Sync + 'static {
    /// This record, for which somebody here listens, changed.
    fn ring(&self, id: &ApprovalId);

    /// This record changed, whether anybody here listens for it or not: for those who watch a queue.
    fn changed(&self, id: &ApprovalId);

    /// Anything may have changed: rings were lost, look at all.
    fn ring_all(&self);
}

/// After how long without a sign of life a replica's attempts count as gone.
pub const LEASE: Duration = Duration::from_secs(3);

/// A call to be parked.
#[derive(Debug, Clone)]
pub struct Parking {
    /// The id of its record, unless it takes up another.
    pub id: ApprovalId,
    /// What is asked.
    pub held: Arc<Held>,
    /// Who waits for it.
    pub holder: Holder,
    /// How many may be open before a new record is refused.
    pub caps: Caps,
}

/// How much is open in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenIn {
    /// The queue.
    pub name: QueueName,
    /// So many approvals.
    pub open: u64,
    /// When the oldest of them was parked.
    pub oldest: Option<Timestamp>,
}

impl OpenIn {
    /// For how long the oldest has been open.
    pub fn age(&self, now: Timestamp) -> Duration {
        let age = self.oldest.map(|oldest| now.duration_since(oldest));
        age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default()
    }
}

/// Which records to list.
#[derive(Debug, Clone)]
pub struct Query {
    /// Only these states.
    pub states: Vec<StateKind>,
    /// Only what matches all of these.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// From where on.
    pub after: Option<Cursor>,
    /// At most so many records.
    pub limit: usize,
}

/// What a listed record has to match; none of a field means any.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// The queue. Without one, probes of the gate are left out.
    pub queue: Option<QueueName>,
    /// The tool.
    pub tool: Option<String>,
    /// The route.
    pub route: Option<String>,
    /// The caller.
    pub caller: Option<Subject>,
    /// The call.
    pub fingerprint: Option<Fingerprint>,
    /// A group that may decide it.
    pub group: Option<Group>,
    /// A text that its id, names, title or message have in them, in upper or lower case.
    pub text: Option<String>,
    /// Parked at this time or later.
    pub created_after: Option<Timestamp>,
}

impl Filter {
    /// Whether the record matches.
    pub fn accepts(&self, approval: &Approval) -> bool {
        fn want<T: PartialEq>(wanted: &Option<T>, is: Option<&T>) -> bool {
            wanted.as_ref().is_none_or(|wanted| is == Some(wanted))
        }
        let held = &approval.held;
        (self.queue.is_some() || !probe::is_queue(approval.id.queue()))
            && want(&self.queue, Some(approval.id.queue()))
            && want(&self.tool, held.tool.as_ref())
            && want(&self.route, held.route.as_ref())
            && want(&self.caller, held.caller.subject.as_ref())
            && want(&self.fingerprint, Some(&held.fingerprint))
            && self.group.as_ref().is_none_or(|group| held.terms.reviewers.contains(group))
            && self.text.as_ref().is_none_or(|text| mentions(approval, text))
            && self.created_after.is_none_or(|from| approval.created_at >= from)
    }
}

fn mentions(approval: &Approval, text: &str) -> bool {
    let (held, text) = (&approval.held, text.to_lowercase());
    let id = approval.id.to_string();
    let names = [&held.tool, &held.route, &held.terms.title].into_iter().flatten();
    let caller = held.caller.subject.iter().chain(&held.caller.actors).map(|subject| &subject.0);
    let all = [&id, &held.method, &held.terms.rule, &held.body];
    all.into_iter().chain(names).chain(caller).any(|part| part.to_lowercase().contains(&text))
}

/// The order of a list, by the time of parking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Who has waited longest comes first.
    OldestFirst,
    /// The latest comes first.
    NewestFirst,
}

/// A place in a list: behind this record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// When it was parked.
    pub created_at: Timestamp,
    /// Its id.
    pub id: ApprovalId,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The records.
    pub approvals: Vec<Approval>,
    /// Where to go on; none at the end.
    pub next: Option<Cursor>,
}

/// What was asked and decided before a call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Precedents {
    /// How many calls of this tool by this caller are on record, with this one.
    pub calls: u64,
    /// The identical call that was approved last.
    pub approved: Option<Approval>,
    /// The identical call that was rejected last.
    pub rejected: Option<Approval>,
    /// Where the identical call was not approved: the call of this tool by this caller that was approved last.
    pub alike: Option<Approval>,
}

/// Whether a store answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Up,
    /// It does not, and why.
    Down(String),
}

/// Why a store did not do what it was asked. What was asked may have happened or not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It does not answer; try again.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// So many approvals are open that no new one is taken.
    #[error("too many approvals are open: {0:?}")]
    Full(Cap),
    /// This replica's lease has run out; try again once it is renewed.
    #[error("the lease of this replica has run out")]
    LeaseLost,
    /// The record is of a form that this version cannot read; leave it alone.
    #[error("the record of {id} cannot be read: {why}")]
    Unreadable {
        /// The record.
        id: ApprovalId,
        /// What is wrong with it.
        why: String,
    },
}

/// Why a vote was not counted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum VoteError {
    /// There is no such record.
    #[error("there is no approval {0}")]
    NotFound(ApprovalId),
    /// It does not count; the record stands as it is.
    #[error("{why}")]
    Refused {
        /// Why.
        why: VoteRefused,
        /// What stands.
        standing: Box<Approval>,
    },
    /// The store failed; the vote may have been counted, so send the same decision again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an act was not done.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ActError {
    /// There is no such record.
    #[error("there is no approval {0}")]
    NotFound(ApprovalId),
    /// The record does not allow it, and stands as it is.
    #[error("{why}")]
    Refused {
        /// Why.
        why: ActRefused,
        /// What stands.
        standing: Box<Approval>,
    },
    /// The store failed; it may have been done, so send the same act again.
    #[error(transparent)]
    Store(#[from] StoreError),
}
