//! One approval under an address of its own, whole, with what became of it.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::Admin;
use super::api::{Named, look, said};
use super::assets::{PATHS, Paths};
use super::card::Card;
use super::diff::Difference;
use super::error::Problem;
use super::frame::Frame;
use super::identity::{Asking, Visiting};
use super::queue::card_of;
use super::shown;
use super::timeline::{Entry, timeline};
use crate::domain::approval::Approval;
use crate::domain::audit::Sha256Hex;
use crate::domain::decision::{Decision, Reviewer, Verdict};
use crate::domain::ids::{ApprovalId, DecisionId};
use crate::domain::json::Json;

#[derive(Template)]
#[template(path = "detail.html")]
struct DetailPage {
    assets: &'static Paths,
    frame: Frame,
    card: Card,
    timeline: Vec<Entry>,
}

/// What the card's form sends.
#[derive(Deserialize)]
pub(super) struct Decide {
    verdict: String,
    #[serde(default)]
    reason: String,
    fingerprint: String,
    incarnation: String,
    decision: String,
}

/// `GET /a/{id}`
pub(super) async fn page(
    State(admin): State<Arc<Admin>>,
    Visiting(reviewer): Visiting,
    Named(id): Named,
) -> Result<Html<String>, Problem> {
    let approval = look(&admin.approvals, &id).await?;
    let card = card_of(&admin, &approval, &reviewer).await;
    let page = rendered(&admin, &reviewer, &approval, card);
    let digest = Sha256Hex::of(page.0.as_bytes()).to_string();
    admin.approvals.note(shown::note(&approval, &reviewer).with("rendered", digest));
    Ok(page)
}

fn rendered(admin: &Admin, reviewer: &Reviewer, approval: &Approval, card: Card) -> Html<String> {
    let frame = Frame::of(admin, reviewer);
    let page = DetailPage { assets: &PATHS, frame, card, timeline: timeline(approval) };
    Html(page.to_string())
}

/// `POST /a/{id}`: a decision by form, as browsers without scripts send it.
pub(super) async fn decide(
    State(admin): State<Arc<Admin>>,
    Asking(reviewer): Asking,
    Named(id): Named,
    form: Result<Form<Decide>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(form) = form.map_err(|rejection| Problem::invalid_request(rejection.body_text()))?;
    let typed = form.reason.clone();
    let decision = decision(form, &reviewer).map_err(Problem::invalid_request)?;
    let problem = match admin.approvals.decide(&id, decision).await {
        Ok(_) => return Ok(Redirect::to(&format!("/a/{id}")).into_response()),
        Err(error) => Problem::undecided(error, &reviewer),
    };
    let Ok(approval) = look(&admin.approvals, &id).await else { return Err(problem) };
    let card = card_of(&admin, &approval, &reviewer).await.refused(typed, problem.detail().to_owned());
    Ok((problem.status(), rendered(&admin, &reviewer, &approval, card)).into_response())
}

fn decision(form: Decide, reviewer: &Reviewer) -> Result<Decision, &'static str> {
    Ok(Decision {
        id: form.decision.parse::<DecisionId>().map_err(|_| "decision has to be a UUID")?,
        reviewer: reviewer.clone(),
        verdict: match form.verdict.as_str() {
            "approve" => Verdict::Approve,
            "reject" => Verdict::Reject,
            _ => return Err("verdict has to be approve or reject"),
        },
        reason: said(Some(form.reason)),
        reason_code: None,
        ticket: None,
        fingerprint: Some(form.fingerprint.parse().map_err(|_| "fingerprint has to be the call's")?),
        seen_in: Some(form.incarnation.parse().map_err(|_| "incarnation has to be the store's")?),
    })
}

/// `GET /a/{id}/diff/{other}`: how one call differs from another.
pub(super) async fn compare(
    State(admin): State<Arc<Admin>>,
    _: Asking,
    Path((other, id)): Path<(String, String)>,
) -> Result<Html<String>, Problem> {
    let call = async |id: &str| {
        let parsed: ApprovalId = id.parse().map_err(|_| Problem::not_found(id))?;
        Ok::<_, Problem>(whole(&look(&admin.approvals, &parsed).await?))
    };
    let difference = Difference::between(&call(&other).await?, &call(&id).await?);
    let equal = "<p>These are the same call.</p>".to_owned();
    Ok(Html(if difference.len() == 0 { equal } else { difference.to_string() }))
}

/// All in which two calls can differ for a reviewer.
fn whole(approval: &Approval) -> Json {
    let held = &approval.held;
    let text = |text: Option<&str>| text.map_or(Json::Null, |text| Json::String(text.to_owned()));
    let member = |name: &str, value| (name.to_owned(), value);
    Json::Object(vec![
        member("caller", text(held.caller.subject.as_ref().map(|subject| subject.0.as_str()))),
        member("route", text(held.route.as_deref())),
        member("request", text(Some(&held.request.target))),
        member("method", text(Some(&held.method))),
        member("tool", text(held.tool.as_deref())),
        member("arguments", held.arguments()),
    ])
}
