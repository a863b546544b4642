//! Lists, page by page.

use std::collections::BTreeSet;

use holdpoint::domain::approval::{Approval, Departure, StateKind};
use holdpoint::domain::ids::{ApprovalId, Subject};
use holdpoint::domain::sample;
use holdpoint::store::{ApprovalStore, Filter, Order, Query};
use jiff::Timestamp;

use super::stage::{Kind, Stage, approve, attempt, fingerprint, held, reject};

fn all(order: Order) -> Query {
    Query { states: StateKind::ALL.to_vec(), filter: Filter::default(), order, after: None, limit: 1000 }
}

async fn listed(store: &dyn ApprovalStore, query: &Query) -> Vec<Approval> {
    store.list(query).await.unwrap().approvals
}

async fn listed_ids(store: &dyn ApprovalStore, query: &Query) -> Vec<ApprovalId> {
    listed(store, query).await.into_iter().map(|approval| approval.id).collect()
}

/// Parks so many calls in three queues, and ends every fourth.
async fn fill(stage: &Stage, number: usize) -> Vec<ApprovalId> {
    let mut ids = Vec::new();
    for n in 0..number {
        let queue = ["default", "dba", "sre"][n % 3];
        let parked = stage.park(&held(|h| h.terms.queue = queue.parse().unwrap())).await;
        if n % 4 == 0 {
            stage.here.vote(&parked.id, &reject("bob")).await.unwrap();
        }
        ids.push(parked.id);
    }
    ids
}

async fn pages(stage: &Stage, order: Order, limit: usize) -> Vec<Approval> {
    let mut found = Vec::new();
    let mut query = Query { limit, ..all(order) };
    loop {
        let page = stage.there.list(&query).await.unwrap();
        assert!(page.approvals.len() <= limit);
        found.extend(page.approvals);
        match page.next {
            Some(next) => query.after = Some(next),
            None => return found,
        }
    }
}

pub async fn a_list_is_in_order_of_parking(kind: Kind) {
    let stage = kind.stage().await;
    fill(&stage, 30).await;
    let oldest_first = listed(&*stage.there, &all(Order::OldestFirst)).await;
    assert!(oldest_first.is_sorted_by_key(|a| (a.created_at, a.id.clone())));
    assert_eq!(oldest_first[0], stage.look(&oldest_first[0].id).await, "whole records");
    let mut newest_first = listed(&*stage.there, &all(Order::NewestFirst)).await;
    newest_first.reverse();
    assert_eq!(newest_first, oldest_first);
}

pub async fn pages_lose_and_repeat_nothing_over_several_queues(kind: Kind) {
    let stage = kind.stage().await;
    let parked: BTreeSet<_> = fill(&stage, 350).await.into_iter().collect();
    for order in [Order::OldestFirst, Order::NewestFirst] {
        for limit in [3, 100, 349, 350, 1000] {
            let found = pages(&stage, order, limit).await;
            assert_eq!(found.len(), parked.len(), "{order:?} by {limit}");
            assert_eq!(found.iter().map(|a| a.id.clone()).collect::<BTreeSet<_>>(), parked);
        }
    }
}

pub async fn pages_lose_and_repeat_nothing_while_records_end(kind: Kind) {
    let stage = kind.stage().await;
    let parked: BTreeSet<_> = fill(&stage, 60).await.into_iter().collect();
    let mut found = Vec::new();
    let mut query = Query { limit: 5, ..all(Order::OldestFirst) };
    for ending in &parked {
        // Those that have ended before refuse the vote.
        let _ = stage.here.vote(ending, &reject("eve")).await;
        let page = stage.there.list(&query).await.unwrap();
        found.extend(page.approvals.into_iter().map(|a| a.id));
        let Some(next) = page.next else { break };
        query.after = Some(next);
    }
    assert_eq!(found.len(), parked.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), parked);
}

pub async fn only_the_states_asked_for_are_listed(kind: Kind) {
    let stage = kind.stage().await;
    let pending = stage.park(&sample::held()).await.id;
    let approved = stage.park(&sample::held()).await.id;
    stage.here.vote(&approved, &approve("bob")).await.unwrap();
    let rejected = stage.park(&sample::held()).await.id;
    stage.here.vote(&rejected, &reject("bob")).await.unwrap();
    let released = stage.park(&sample::held()).await;
    stage.here.vote(&released.id, &approve("bob")).await.unwrap();
    stage.here.claim(&released.id, attempt(&released), &released.held.fingerprint).await.unwrap();
    let left = stage.park(&sample::held()).await;
    stage.here.detach(&left.id, attempt(&left), Departure::CallerGone).await.unwrap();
    for (states, expected) in [
        (vec![StateKind::Pending], vec![&pending, &left.id]),
        (vec![StateKind::Approved], vec![&approved]),
        (vec![StateKind::Rejected, StateKind::Released], vec![&rejected, &released.id]),
        (vec![StateKind::Pending, StateKind::Rejected], vec![&pending, &rejected, &left.id]),
        (vec![], vec![]),
    ] {
        let query = Query { states: states.clone(), ..all(Order::OldestFirst) };
        let found: BTreeSet<_> = listed_ids(&*stage.there, &query).await.into_iter().collect();
        assert_eq!(found, expected.into_iter().cloned().collect(), "{states:?}");
    }
}

pub async fn only_what_matches_is_listed(kind: Kind) {
    let stage = kind.stage().await;
    for _ in 0..120 {
        stage.park(&sample::held()).await;
    }
    let special = held(|h| {
        h.terms.queue = "dba".parse().unwrap();
        h.tool = Some("drop".into());
        h.route = Some("elsewhere".into());
        h.caller.subject = Some(Subject("eve".into()));
        h.fingerprint = fingerprint('4');
    });
    let one = stage.park(&special).await.id;
    let any = Filter::default;
    for filter in [
        Filter { queue: Some("dba".parse().unwrap()), ..any() },
        Filter { tool: special.tool.clone(), ..any() },
        Filter { route: special.route.clone(), ..any() },
        Filter { caller: special.caller.subject.clone(), ..any() },
        Filter { fingerprint: Some(special.fingerprint), ..any() },
    ] {
        let query = Query { filter: filter.clone(), limit: 1, ..all(Order::OldestFirst) };
        let page = stage.there.list(&query).await.unwrap();
        assert_eq!((page.approvals.len(), &page.approvals[0].id), (1, &one), "{filter:?}");
        assert_eq!(page.next, None);
    }
    let nothing = Filter { queue: Some("sre".parse().unwrap()), ..any() };
    assert_eq!(listed_ids(&*stage.there, &Query { filter: nothing, ..all(Order::OldestFirst) }).await, []);
}

pub async fn only_what_was_parked_since_is_listed(kind: Kind) {
    let stage = kind.stage().await;
    let before = stage.park(&sample::held()).await;
    crate::support::eventually::eventually("the clock moves on", async || {
        (Timestamp::now().as_millisecond() > before.created_at.as_millisecond() + 1).then_some(())
    })
    .await;
    let after = stage.park(&sample::held()).await;
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let filter = Filter { created_after: Some(after.created_at), ..Filter::default() };
        assert_eq!(listed_ids(&*stage.there, &Query { filter, ..all(order) }).await, vec![after.id.clone()]);
    }
}
