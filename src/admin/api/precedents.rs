//! `GET /v1/approvals/{id}/precedents`: what was asked and decided before a call.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Named, look};
use crate::admin::Admin;
use crate::admin::error::Problem;
use crate::admin::identity::Asking;
use crate::admin::openapi::IdText;
use crate::admin::wire::ApprovalJson;

/// What is known of calls before this one.
#[derive(Serialize, ToSchema)]
#[schema(as = Precedents)]
pub(in crate::admin) struct PrecedentsJson {
    /// How many calls of this tool by this caller are on record beside it; none where that was not counted.
    earlier: Option<u64>,
    /// The identical call that was approved last.
    approved: Option<ApprovalJson>,
    /// The identical call that was rejected last.
    rejected: Option<ApprovalJson>,
    /// Where no identical call was approved: the call of this tool by this caller that was approved last.
    alike: Option<ApprovalJson>,
}

/// What came before it.
#[utoipa::path(get, path = "/v1/approvals/{id}/precedents", params(("id" = IdText, Path)),
    responses((status = 200, body = PrecedentsJson)))]
pub(in crate::admin) async fn precedents(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    Named(id): Named,
) -> Result<Json<PrecedentsJson>, Problem> {
    let approval = look(&admin.approvals, &id).await?;
    let known = admin.approvals.precedents(&approval.id).await?;
    let told = |approval: Option<_>| approval.map(|approval| ApprovalJson::of(&approval, &reviewer));
    Ok(Json(PrecedentsJson {
        earlier: known.calls.checked_sub(1),
        approved: told(known.approved),
        rejected: told(known.rejected),
        alike: told(known.alike),
    }))
}
