//! A held call, from parking to its end, on the embedded store.

use std::sync::Arc;
use std::time::Duration;

use holdpoint::approvals::{Approvals, Change, Settings, Waiters};
use holdpoint::clock::SystemClock;
use holdpoint::domain::approval::{Held, StateKind};
use holdpoint::domain::decision::{Decision, Membership, Reviewer, Role, Verdict};
use holdpoint::domain::ids::{ApprovalId, DecisionId, ReplicaId, Subject};
use holdpoint::domain::outcome::{Outcome, StillOpen};
use holdpoint::domain::quorum::Marks;
use holdpoint::domain::ruling::Late;
use holdpoint::domain::sample;
use holdpoint::store::around::Around;
use holdpoint::store::memory::MemoryStore;
use holdpoint::store::{Bell, Filter, Order, Query};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::eventually::eventually;
use crate::support::faults::FaultyStore;

const LONG: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_millis(500);

struct World {
    approvals: Arc<Approvals>,
    store: Arc<FaultyStore>,
    waiters: Arc<Waiters>,
}

fn world() -> World {
    let waiters = Arc::new(Waiters::default());
    let store = Arc::new(FaultyStore::over(MemoryStore::new(Arc::new(SystemClock), waiters.clone(), LONG)));
    let clock = Arc::new(SystemClock);
    let approvals = Approvals::new(
        store.clone(),
        waiters.clone(),
        clock,
        ReplicaId::random(),
        Settings::new(PATIENCE, sample::UNLIMITED),
    );
    World { approvals, store, waiters }
}

impl World {
    fn hold(&self, held: Held, at_most: Duration) -> JoinHandle<Outcome> {
        let approvals = Arc::clone(&self.approvals);
        tokio::spawn(async move { approvals.hold(held, None, Instant::now() + at_most).await })
    }

    /// The only record that is in this state, as soon as there is one.
    async fn the_one(&self, state: StateKind) -> ApprovalId {
        eventually(state.as_str(), async || {
            let query = Query {
                states: vec![state],
                filter: Filter::default(),
                order: Order::OldestFirst,
                after: None,
                limit: 10,
            };
            let page = self.approvals.list(&query).await.unwrap();
            assert!(page.approvals.len() < 2, "one record at most");
            page.approvals.first().map(|approval| approval.id.clone())
        })
        .await
    }

    async fn decide(&self, id: &ApprovalId, verdict: Verdict) {
        self.approvals.decide(id, decision(verdict)).await.unwrap();
    }

    async fn state(&self, id: &ApprovalId) -> StateKind {
        self.approvals.look(id).await.unwrap().unwrap().state.kind()
    }

    async fn left(&self, id: &ApprovalId) {
        eventually("the caller has left", async || {
            self.approvals.look(id).await.unwrap().unwrap().holder.is_none().then_some(())
        })
        .await;
    }
}

fn decision(verdict: Verdict) -> Decision {
    Decision {
        id: DecisionId::random(),
        reviewer: Reviewer {
            subject: Subject("bob".into()),
            groups: Membership::All,
            roles: Role::ALL.into_iter().collect(),
            proof: "test".into(),
        },
        verdict,
        reason: Some("because".into()),
        reason_code: None,
        ticket: None,
        fingerprint: None,
        seen_in: None,
    }
}

#[tokio::test]
async fn an_approved_call_is_released_and_a_rejected_one_is_told_why() {
    let world = world();
    let call = world.hold(sample::held(), LONG);
    let id = world.the_one(StateKind::Pending).await;
    assert_eq!(world.approvals.parked(), 1);
    world.decide(&id, Verdict::Approve).await;
    let Outcome::Released(release) = call.await.unwrap() else { panic!("not released") };
    assert_eq!(release.approval(), &id);
    assert_eq!((world.state(&id).await, world.approvals.parked()), (StateKind::Released, 0));

    let call = world.hold(sample::held(), LONG);
    let id = world.the_one(StateKind::Pending).await;
    world.decide(&id, Verdict::Reject).await;
    let (by, reason) = (Subject("bob".into()), Some("because".into()));
    assert_eq!(call.await.unwrap(), Outcome::Rejected { approval: id, by, reason });
}

#[tokio::test]
async fn at_the_end_of_the_hold_the_approval_stays_open_and_the_next_call_takes_it_up() {
    let world = world();
    let first = world.hold(sample::held(), Duration::from_millis(50));
    let id = world.the_one(StateKind::Pending).await;
    let pending = Outcome::Pending { approval: id.clone(), why: StillOpen::HoldOver };
    assert_eq!(first.await.unwrap(), pending);

    let second = world.hold(sample::held(), LONG);
    eventually("taken up", async || {
        world.approvals.look(&id).await.unwrap().unwrap().holder.is_some().then_some(())
    })
    .await;
    world.decide(&id, Verdict::Approve).await;
    assert!(matches!(second.await.unwrap(), Outcome::Released(_)));
}

#[tokio::test]
async fn without_late_approval_the_end_of_the_hold_is_the_end() {
    let world = world();
    let mut held = sample::held();
    held.terms.late = Late::Off;
    let call = world.hold(held, Duration::from_millis(50));
    let id = world.the_one(StateKind::Pending).await;
    assert_eq!(call.await.unwrap(), Outcome::Expired { approval: id });
}

#[tokio::test]
async fn a_caller_that_hangs_up_runs_nothing_and_its_approval_is_good_for_one_retry() {
    let world = world();
    let call = world.hold(sample::held(), LONG);
    let id = world.the_one(StateKind::Pending).await;
    call.abort();
    world.left(&id).await;
    world.decide(&id, Verdict::Approve).await;
    assert_eq!(world.state(&id).await, StateKind::Approved, "nobody is there to be released");

    let retry = world.hold(sample::held(), LONG).await.unwrap();
    assert!(matches!(retry, Outcome::Released(_)), "{retry:?}");
    let again = world.hold(sample::held(), Duration::from_millis(50)).await.unwrap();
    assert!(matches!(again, Outcome::Pending { .. }), "a grant is good for one call: {again:?}");
}

#[tokio::test]
async fn two_identical_calls_that_both_wait_need_a_decision_each() {
    let world = world();
    let first = world.hold(sample::held(), LONG);
    let id = world.the_one(StateKind::Pending).await;
    let second = world.hold(sample::held(), LONG);
    eventually("both wait", async || (world.approvals.parked() == 2).then_some(())).await;
    world.decide(&id, Verdict::Approve).await;
    assert!(matches!(first.await.unwrap(), Outcome::Released(_)));
    let other = world.the_one(StateKind::Pending).await;
    assert!(!second.is_finished());
    world.decide(&other, Verdict::Reject).await;
    assert!(matches!(second.await.unwrap(), Outcome::Rejected { .. }));
}

#[tokio::test]
async fn a_replica_that_leaves_answers_what_is_parked_and_leaves_it_open() {
    let world = world();
    let call = world.hold(sample::held(), LONG);
    let id = world.the_one(StateKind::Pending).await;
    world.approvals.drain().await;
    let pending = Outcome::Pending { approval: id.clone(), why: StillOpen::Draining };
    assert_eq!(call.await.unwrap(), pending);
    assert_eq!(world.state(&id).await, StateKind::Pending);
}

#[tokio::test]
async fn a_store_that_does_not_answer_lets_nothing_through() {
    let world = world();
    world.store.fail(true);
    let refused = world.hold(sample::held(), LONG).await.unwrap();
    assert_eq!(refused, Outcome::StoreUnavailable);
    world.store.fail(false);

    let call = world.hold(sample::held(), LONG);
    let id = world.the_one(StateKind::Pending).await;
    world.store.fail(true);
    world.decide_behind_the_fault(&id).await;
    assert!(world.approvals.decide(&id, decision(Verdict::Approve)).await.is_err());
    assert!(!call.is_finished(), "approved, but the store does not say so");
    world.store.fail(false);
    assert!(matches!(call.await.unwrap(), Outcome::Released(_)), "it goes on when the store is back");
}

#[tokio::test]
async fn a_hold_that_ends_while_the_store_is_down_is_denied_and_detached_when_it_is_back() {
    let world = world();
    let call = world.hold(sample::held(), Duration::from_millis(100));
    let id = world.the_one(StateKind::Pending).await;
    world.store.fail(true);
    assert_eq!(call.await.unwrap(), Outcome::StoreUnavailable);
    world.store.fail(false);
    world.left(&id).await;
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_found_by_looking_again() {
    let world = world();
    let call = world.hold(sample::held(), LONG);
    let id = world.the_one(StateKind::Pending).await;
    world.store.lose_answers_of_claims(1);
    world.decide(&id, Verdict::Approve).await;
    assert!(matches!(call.await.unwrap(), Outcome::Released(_)));
}

#[tokio::test]
async fn a_release_is_answered_once_the_replicas_that_are_asked_for_have_it() {
    let world = world();
    let call = world.hold(sample::held(), LONG);
    let id = world.the_one(StateKind::Pending).await;
    world.store.lose_replicas(true);
    world.decide(&id, Verdict::Approve).await;
    assert_eq!(world.the_one(StateKind::Released).await, id);
    assert!(!call.is_finished());
    world.store.lose_replicas(false);
    assert!(matches!(call.await.unwrap(), Outcome::Released(_)));
}

#[tokio::test]
async fn a_release_that_no_replica_has_in_time_is_refused() {
    let world = world();
    world.store.lose_replicas(true);
    let call = world.hold(sample::held(), Duration::from_millis(500));
    let id = world.the_one(StateKind::Pending).await;
    world.decide(&id, Verdict::Approve).await;
    assert_eq!(call.await.unwrap(), Outcome::StoreUnavailable);
    assert_eq!(world.state(&id).await, StateKind::Released, "it is spent");
}

#[tokio::test]
async fn a_call_whose_record_the_store_has_lost_is_parked_again_under_the_same_id_and_decided_anew() {
    let world = world();
    let call = world.hold(sample::held(), LONG);
    let id = world.the_one(StateKind::Pending).await;
    let empty = MemoryStore::new(Arc::new(SystemClock), world.waiters.clone(), LONG);
    world.store.comes_back_as(empty);
    world.waiters.ring_all();
    assert_eq!(world.the_one(StateKind::Pending).await, id);
    assert!(!call.is_finished());
    world.decide(&id, Verdict::Approve).await;
    assert!(matches!(call.await.unwrap(), Outcome::Released(_)));
}

#[tokio::test]
async fn a_store_that_never_answers_keeps_no_call_longer_than_its_hold() {
    for parked in [false, true] {
        let world = world();
        let hold = if parked { Duration::from_millis(300) } else { Duration::ZERO };
        let call = world.hold(sample::held(), hold);
        if parked {
            world.the_one(StateKind::Pending).await;
        }
        world.store.hang();
        let ended = tokio::time::timeout(Duration::from_secs(20), call).await.expect("it ends");
        assert_eq!(ended.unwrap(), Outcome::StoreUnavailable);
    }
}

#[tokio::test]
async fn watchers_are_told_of_every_change() {
    let world = world();
    let place = world.approvals.place();
    let call = world.hold(sample::held(), LONG);
    let (changes, place) = world.approvals.changed(&place).await;
    let id = world.the_one(StateKind::Pending).await;
    assert_eq!(changes, [Change::Record(id.clone())]);
    world.decide(&id, Verdict::Reject).await;
    let (changes, _) = world.approvals.changed(&place).await;
    assert_eq!(changes, [Change::Record(id)]);
    call.await.unwrap();
}

impl World {
    /// A reviewer decides on another replica, which still reaches the store.
    async fn decide_behind_the_fault(&self, id: &ApprovalId) {
        let decision = decision(Verdict::Approve);
        let vote = holdpoint::domain::decision::Vote {
            decision: decision.id,
            reviewer: decision.reviewer.subject,
            proof: None,
            verdict: decision.verdict,
            marks: Marks::default(),
            reason: None,
            reason_code: None,
            ticket: None,
            fingerprint: None,
            seen_in: None,
            at: jiff::Timestamp::now(),
            trace: None,
        };
        self.store.inner().vote(id, &vote).await.unwrap();
    }
}
