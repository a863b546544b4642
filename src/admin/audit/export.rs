//! The audit as a file.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jiff::Timestamp;

use super::query::{self, Scope};
use super::{Given, auditor, csv, given};
use crate::admin::Admin;
use crate::admin::error::Problem;
use crate::admin::identity::Asking;
use crate::admin::openapi::{ChainText, FormatWord};
use crate::domain::audit::{Chain, Line, Place};
use crate::store::StoreError;

/// `GET /v1/audit:export`
#[utoipa::path(get, path = "/v1/audit:export", params(
    ("queue" = Option<Vec<ChainText>>, Query),
    ("from" = Option<Timestamp>, Query),
    ("until" = Option<Timestamp>, Query),
    ("format" = Option<FormatWord>, Query),
), responses((status = 200, content((String = "application/x-ndjson"), (String = "text/csv")))))]
pub(in crate::admin) async fn export(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    parameters: Given,
) -> Result<Response, Problem> {
    auditor(&admin, &reviewer)?;
    let Scope { chains, from, until, csv } = query::scope(&given(parameters)?, &admin).await?;
    let (kind, name) =
        if csv { ("text/csv; charset=utf-8", "audit.csv") } else { ("application/x-ndjson", "audit.jsonl") };
    let (chains, head) = (VecDeque::from(chains), csv.then(|| csv::HEAD.to_owned()));
    let export = Export { admin, chains, after: Place::START, from, until, csv, head };
    // A store that fails in the middle ends the transfer: what arrived is not taken for all.
    let parts = stream::try_unfold(export, |mut export| async move {
        Ok::<_, StoreError>(export.part().await?.map(|part| (part, export)))
    });
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// What is still to be sent.
struct Export {
    admin: Arc<Admin>,
    chains: VecDeque<Chain>,
    after: Place,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    csv: bool,
    head: Option<String>,
}

impl Export {
    /// The next part; none at the end.
    async fn part(&mut self) -> Result<Option<String>, StoreError> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        while let Some(chain) = self.chains.front().cloned() {
            let lines = self.admin.audit.lines(&chain, self.after).await?;
            let over = |line: &Line| self.until.is_some_and(|until| line.at().is_none_or(|at| at >= until));
            let end = lines.iter().position(over).unwrap_or(lines.len());
            let early = |line: &&Line| self.from.is_none_or(|from| line.at().is_some_and(|at| at >= from));
            let part =
                lines[..end].iter().filter(early).map(|line| self.written(&chain, line)).collect::<String>();
            match lines.last() {
                Some(last) if end == lines.len() => self.after = last.place,
                _ => {
                    self.chains.pop_front();
                    self.after = Place::START;
                }
            }
            if !part.is_empty() {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }

    fn written(&self, chain: &Chain, line: &Line) -> String {
        match line.fact() {
            Some(fact) if self.csv => csv::row(chain, line.place.number, &fact),
            None if self.csv => String::new(),
            _ => format!("{}\n", line.text),
        }
    }
}
