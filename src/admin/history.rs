//! What was asked, and what became of it: a list with filters, page by page.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;

use super::Admin;
use super::api::query;
use super::assets::{PATHS, Paths};
use super::frame::Frame;
use super::identity::Visiting;
use super::standing::in_words;
use super::visible::{Markup, visible};
use crate::domain::approval::{Approval, StateKind};

/// Of the arguments so many characters stand in a row; the approval's own page has all.
const SHOWN: usize = 160;

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    assets: &'static Paths,
    frame: Frame,
    states: [StateKind; 6],
    asked: Asked,
    rows: Vec<Row>,
    next: Option<String>,
    trouble: Option<String>,
}

/// The parameters, as they were sent.
struct Asked(Vec<(String, String)>);

/// One approval.
struct Row {
    id: String,
    state: &'static str,
    at: Timestamp,
    what: Markup,
    arguments: Markup,
    caller: Markup,
    stands: Markup,
}

/// `GET /history`
pub(super) async fn page(
    State(admin): State<Arc<Admin>>,
    Visiting(reviewer): Visiting,
    Query(sent): Query<Vec<(String, String)>>,
) -> Response {
    // A form sends what is left empty too.
    let asked = Asked(sent.into_iter().filter(|(_, value)| !value.is_empty()).collect());
    let (status, rows, next, trouble) = match rows(&admin, &asked).await {
        Ok((rows, next)) => (StatusCode::OK, rows, next, None),
        Err((status, trouble)) => (status, Vec::new(), None, Some(trouble)),
    };
    let frame = Frame::of(&admin, &reviewer);
    let next = next.map(|token| asked.with_page(&token));
    let page = HistoryPage { assets: &PATHS, frame, states: StateKind::ALL, asked, rows, next, trouble };
    (status, Html(page.to_string())).into_response()
}

async fn rows(admin: &Admin, asked: &Asked) -> Result<(Vec<Row>, Option<String>), (StatusCode, String)> {
    let query = query::read(&asked.parameters()).map_err(|why| (StatusCode::BAD_REQUEST, why))?;
    let page = admin.approvals.list(&query).await;
    let page = page.map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    Ok((page.approvals.iter().map(Row::of).collect(), page.next.as_ref().map(query::token)))
}

impl Asked {
    fn value(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// What a list is asked for: everything, newest first, unless the form says otherwise.
    fn parameters(&self) -> Vec<(String, String)> {
        let defaults = [("state", "all"), ("order", "newest")];
        let missing = defaults.iter().filter(|(name, _)| self.value(name).is_empty());
        let missing = missing.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let day = |name: &str, value: &str| match (name, value.len()) {
            // A date field sends no time.
            ("created_after", 10) => format!("{value}T00:00:00Z"),
            _ => value.to_owned(),
        };
        self.0.iter().map(|(name, value)| (name.clone(), day(name, value))).chain(missing).collect()
    }

    /// The address of another page of the same list.
    fn with_page(&self, token: &str) -> String {
        let kept = self.0.iter().filter(|(name, _)| name != "page_token");
        let pairs = kept.map(|(name, value)| (name.as_str(), value.as_str())).chain([("page_token", token)]);
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let pairs: Vec<_> =
            pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        format!("/history?{}", pairs.join("&"))
    }
}

impl Row {
    fn of(approval: &Approval) -> Self {
        let held = &approval.held;
        let arguments = held.arguments().text();
        let shown: String = arguments.chars().take(SHOWN).collect();
        let more = if shown.len() < arguments.len() { " …" } else { "" };
        Self {
            id: approval.id.to_string(),
            state: approval.state.kind().as_str(),
            at: approval.created_at,
            what: visible(held.tool.as_deref().unwrap_or(&held.method)),
            arguments: visible(&format!("{shown}{more}")),
            caller: visible(held.caller.subject.as_ref().map_or("unknown", |subject| &subject.0)),
            stands: visible(&in_words(approval)),
        }
    }
}
