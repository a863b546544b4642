//! The page: what is pending, and a form for each.

use std::net::SocketAddr;
use std::sync::Arc;

use askama::Template;
use axum::extract::{ConnectInfo, Query, State};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;

use super::Admin;
use super::api::{Named, look, pending};
use super::assets::{PATHS, Paths};
use super::card::{Card, Ended};
use super::error::Problem;
use super::identity::{Asking, LocalPath, Visiting};
use super::login;
use super::visible::{Markup, visible};
use crate::domain::approval::State as Stands;

#[derive(Template)]
#[template(path = "queue.html")]
struct QueuePage {
    assets: &'static Paths,
    reviewer: Markup,
    /// Whether everyone is let in.
    open: bool,
    cards: Vec<Card>,
    trouble: Option<String>,
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
    let (approvals, trouble) = match pending(&admin.approvals).await {
        Ok(approvals) => (approvals, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let page = QueuePage {
        assets: &PATHS,
        reviewer: visible(&reviewer.subject.0),
        open: admin.identities.are_off(),
        cards: approvals.iter().map(|approval| Card::of(approval, &reviewer)).collect(),
        trouble,
    };
    Html(page.to_string()).into_response()
}

/// `GET /cards/{id}`: a card, or what is left of it.
pub(super) async fn card(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    Named(id): Named,
) -> Result<Html<String>, Problem> {
    let approval = look(&admin.approvals, &id).await?;
    Ok(Html(match approval.state {
        Stands::Pending => Card::of(&approval, &reviewer).to_string(),
        _ => Ended::of(&approval).to_string(),
    }))
}
