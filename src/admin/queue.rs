//! The page: what is pending, and a form for each.

use std::net::SocketAddr;
use std::sync::Arc;

use askama::Template;
use axum::extract::{ConnectInfo, Query, State};
use axum::response::{Html, IntoResponse, Response};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::Deserialize;

use super::Admin;
use super::api::{Named, look};
use super::assets::{PATHS, Paths};
use super::card::{Card, Ended};
use super::error::Problem;
use super::frame::Frame;
use super::identity::{Asking, LocalPath, Visiting};
use super::login;
use crate::approvals::{Approvals, Sung};
use crate::domain::approval::{Approval, State as Stands, StateKind};
use crate::domain::decision::Reviewer;
use crate::store::{self, Filter, Order, Page, StoreError};

/// So many cards a page holds, the oldest. The script knows this number too.
const ROOM: usize = 200;
/// So many cards are made at a time.
const AT_ONCE: usize = 16;

#[derive(Template)]
#[template(path = "queue.html")]
struct QueuePage {
    assets: &'static Paths,
    frame: Frame,
    cards: Vec<Card>,
    /// How many more are open, where there is no room for all that wait.
    more: u64,
    trouble: Option<String>,
    asked_at: Option<Timestamp>,
    canary: Sung,
}

/// What the page's address may hold.
#[derive(Deserialize)]
pub(super) struct Link {
    token: Option<String>,
}

/// `GET /`
pub(super) async fn page(
    State(admin): State<Arc<Admin>>,
    Query(link): Query<Link>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    visiting: Result<Visiting, Response>,
) -> Response {
    if let Some(token) = link.token {
        return login::open(&admin, &token, &LocalPath::root(), peer.ip()).await;
    }
    let Visiting(reviewer) = match visiting {
        Ok(visiting) => visiting,
        Err(elsewhere) => return elsewhere,
    };
    let (approvals, more, trouble) = match waiting(&admin.approvals).await {
        Ok((approvals, more)) => (approvals, more, None),
        Err(error) => (Vec::new(), 0, Some(error.to_string())),
    };
    admin.approvals.note_all(admin.shown.first_time(&approvals, &reviewer));
    let cards = stream::iter(approvals).map(|approval| {
        let (admin, reviewer) = (&admin, &reviewer);
        async move { card_of(admin, &approval, reviewer).await }
    });
    let page = QueuePage {
        assets: &PATHS,
        cards: cards.buffered(AT_ONCE).collect().await,
        frame: Frame::of(&admin, &reviewer),
        more,
        trouble,
        asked_at: admin.approvals.asked_at(),
        canary: admin.approvals.canary().now(),
    };
    Html(page.to_string()).into_response()
}

/// What a page shows, and how many more are open where that is not all that waits.
async fn waiting(approvals: &Approvals) -> Result<(Vec<Approval>, u64), StoreError> {
    let Page { approvals: shown, next } = oldest(approvals).await?;
    let more = match next {
        Some(_) => approvals.count_open().await?.saturating_sub(ROOM as u64).max(1),
        None => 0,
    };
    Ok((shown, more))
}

/// What waits, as many as a page has room for.
pub(super) async fn oldest(approvals: &Approvals) -> Result<Page, StoreError> {
    let (states, order) = (vec![StateKind::Pending], Order::OldestFirst);
    let query = store::Query { states, filter: Filter::default(), order, after: None, limit: ROOM };
    approvals.list(&query).await
}

/// `GET /cards/{id}`: a card, or what is left of it.
pub(super) async fn card(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    Named(id): Named,
) -> Result<Html<String>, Problem> {
    let approval = look(&admin.approvals, &id).await?;
    if approval.state != Stands::Pending {
        return Ok(Html(Ended::of(&approval).to_string()));
    }
    admin.approvals.note_all(admin.shown.first_time(std::slice::from_ref(&approval), &reviewer));
    Ok(Html(card_of(&admin, &approval, &reviewer).await.to_string()))
}

/// The card of an approval, with what was decided before. A card without that is better than none.
pub(super) async fn card_of(admin: &Admin, approval: &Approval, reviewer: &Reviewer) -> Card {
    let known = admin.approvals.precedents(&approval.id).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "a card does not tell what was decided before");
        Default::default()
    });
    Card::of(approval, reviewer, &known, &admin.settings.cards)
}
