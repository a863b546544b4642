//! `POST /v1/approvals:batchDecide`: one decision on many, each recorded or refused for itself.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{
    VerdictWord, idempotency_key, query, read_fingerprint, read_incarnation, read_reason_code, said,
};
use crate::admin::Admin;
use crate::admin::error::{Body, Problem};
use crate::admin::identity::Asking;
use crate::admin::openapi::{FingerprintText, IncarnationText, KeyText, ReasonCodeWord};
use crate::domain::approval::{Approval, StateKind};
use crate::domain::decision::{Decision, Reviewer, Verdict};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ApprovalId, DecisionId, Incarnation};
use crate::store::{Order, Query};

/// So many are decided by one request, at most.
const MOST: usize = 1000;
/// So many of them at a time.
const AT_A_TIME: usize = 16;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchDecide {
    verdict: VerdictWord,
    reason: Option<String>,
    #[schema(value_type = Option<ReasonCodeWord>)]
    reason_code: Option<String>,
    #[serde(default)]
    dry_run: bool,
    #[schema(min_items = 1, max_items = 1000)]
    items: Option<Vec<Item>>,
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    filter: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Item {
    id: String,
    #[schema(value_type = FingerprintText)]
    fingerprint: String,
    #[schema(value_type = Option<IncarnationText>)]
    incarnation: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(in crate::admin) struct Batch {
    dry_run: bool,
    results: Vec<Outcome>,
    counts: Counts,
    /// Whether the filter matches more than could be decided at once.
    more: bool,
}

#[derive(Serialize, ToSchema)]
struct Outcome {
    id: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Body>,
}

#[derive(Serialize, ToSchema)]
struct Counts {
    recorded: usize,
    would_record: usize,
    refused: usize,
}

/// One that is decided, and what the reviewer saw of it.
struct Chosen {
    id: String,
    fingerprint: Fingerprint,
    seen_in: Option<Incarnation>,
}

/// What is decided.
struct Selection {
    items: Vec<Chosen>,
    more: bool,
}

/// `POST /v1/approvals:batchDecide`: one decision on many.
#[utoipa::path(post, path = "/v1/approvals:batchDecide", request_body = BatchDecide,
    params(("Idempotency-Key" = KeyText, Header)), responses((status = 200, body = Batch)))]
pub(in crate::admin) async fn decide(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Batch>, Problem> {
    let body: BatchDecide = serde_json::from_slice(&body?)?;
    let (verdict, dry_run) = (Verdict::from(body.verdict), body.dry_run);
    let selection = match (body.items, body.filter) {
        (Some(items), None) => listed(items)?,
        (None, Some(filter)) if verdict == Verdict::Reject => matching(&admin, &filter).await?,
        (None, Some(_)) => {
            return Err(Problem::invalid_request("what is approved is named by items, not by a filter"));
        }
        _ => return Err(Problem::invalid_request("name either items or a filter")),
    };
    let mut seen = selection.items.iter().map(|chosen| &chosen.fingerprint);
    if verdict == Verdict::Approve && seen.next().is_some_and(|first| seen.any(|other| other != first)) {
        return Err(Problem::invalid_request("only identical calls are approved at once"));
    }
    let (key, reason) = (idempotency_key(&headers)?, said(body.reason));
    let reason_code = read_reason_code(body.reason_code.as_deref())?;
    let one = async |Chosen { id, fingerprint, seen_in }: Chosen| {
        let decision = Decision {
            id: part_of(key, &id),
            reviewer: reviewer.clone(),
            verdict,
            reason: reason.clone(),
            reason_code,
            ticket: None,
            fingerprint: Some(fingerprint),
            seen_in,
        };
        match decide_one(&admin, &id, decision, dry_run, &reviewer).await {
            Ok(outcome) => Outcome { id, outcome, problem: None },
            Err(problem) => Outcome { id, outcome: "refused", problem: Some(problem.body()) },
        }
    };
    let results: Vec<Outcome> = stream::iter(selection.items).map(one).buffered(AT_A_TIME).collect().await;
    let count = |outcome: &str| results.iter().filter(|result| result.outcome == outcome).count();
    let counts = Counts {
        recorded: count("recorded"),
        would_record: count("would_record"),
        refused: count("refused"),
    };
    Ok(Json(Batch { dry_run, results, counts, more: selection.more }))
}

async fn decide_one(
    admin: &Admin,
    id: &str,
    decision: Decision,
    dry_run: bool,
    reviewer: &Reviewer,
) -> Result<&'static str, Problem> {
    let id: ApprovalId = id.parse().map_err(|_| Problem::not_found(id))?;
    let decided = if dry_run {
        admin.approvals.try_out(&id, &decision).await.map(|()| "would_record")
    } else {
        admin.approvals.decide(&id, decision).await.map(|_| "recorded")
    };
    decided.map_err(|error| Problem::undecided(error, reviewer))
}

fn listed(items: Vec<Item>) -> Result<Selection, Problem> {
    if items.is_empty() || items.len() > MOST {
        return Err(Problem::invalid_request(format!("name 1 to {MOST} items")));
    }
    let read = |item: Item| {
        Ok(Chosen {
            fingerprint: read_fingerprint(&item.fingerprint)?,
            seen_in: read_incarnation(item.incarnation.as_deref())?,
            id: item.id,
        })
    };
    let items = items.into_iter().map(read).collect::<Result<Vec<_>, Problem>>()?;
    Ok(Selection { items, more: false })
}

/// What is pending and matches, the oldest first.
async fn matching(
    admin: &Admin,
    filter: &serde_json::Map<String, serde_json::Value>,
) -> Result<Selection, Problem> {
    let text = |(name, value): (&String, &serde_json::Value)| match (name.as_str(), value.as_str()) {
        ("state" | "order" | "page_size" | "page_token", _) | (_, None) => {
            Err(Problem::invalid_request(format!("filter: {name} is not a text to filter by")))
        }
        (_, Some(value)) => Ok((name.clone(), value.to_owned())),
    };
    let parameters = filter.iter().map(text).collect::<Result<Vec<_>, Problem>>()?;
    let read = query::read(&parameters).map_err(|why| Problem::invalid_request(format!("filter: {why}")))?;
    let query = Query {
        states: vec![StateKind::Pending],
        order: Order::OldestFirst,
        after: None,
        limit: MOST,
        filter: read.filter,
    };
    let page = admin.approvals.list(&query).await?;
    let item = |approval: &Approval| Chosen {
        id: approval.id.to_string(),
        fingerprint: approval.held.fingerprint,
        seen_in: Some(approval.seen_in),
    };
    Ok(Selection { items: page.approvals.iter().map(item).collect(), more: page.next.is_some() })
}

/// The id of one decision of a batch: the same one where the batch is sent again.
fn part_of(batch: DecisionId, approval: &str) -> DecisionId {
    let digest = Sha256::digest(format!("{batch} {approval}"));
    hex::encode(&digest[..16]).parse().expect("32 hexadecimal digits are an id")
}
