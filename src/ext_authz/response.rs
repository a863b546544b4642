//! Every answer to the gateway is built here.
//!
//! To Envoy an empty `CheckResponse` allows, and so does a denial whose HTTP status is 0. So allowing takes a proof or
//! a ruling that passes, and a denial cannot be built without its status.

use prost_types::{Struct, Value, value::Kind};
use serde_json::json;

use super::mcp::Unreadable;
use super::proto::{
    CheckResponse, DeniedHttpResponse, HeaderValue, HeaderValueOption, HttpStatus, OkHttpResponse, Status,
    check_response::HttpResponse, header_value_option::HeaderAppendAction,
};
use crate::domain::approval::{Cancellation, Release};
use crate::domain::ids::ApprovalId;
use crate::domain::json::Json;
use crate::domain::message::Message;
use crate::domain::outcome::{Outcome, StillOpen, rejection};
use crate::domain::ruling::{Cap, Denial, DenialForm};
use crate::telemetry::{self, metrics};

/// Names the approval, on requests that are forwarded and on denials.
const APPROVAL_HEADER: &str = "x-holdpoint-approval";
/// Says how it ended: a reason code, never free text, because a line break in a header splits the response.
const OUTCOME_HEADER: &str = "x-holdpoint-outcome";

/// `google.rpc.Code.PERMISSION_DENIED`
const PERMISSION_DENIED: i32 = 7;

/// The JSON-RPC code of a refusal, out of the range for servers' own errors.
const REFUSED: i32 = -32050;

/// Where a denial tells programs what it tells people in its text.
pub(super) const META_KEY: &str = "dev.holdpoint/denial";

/// What an answer needs to know of the call, kept for as long as it waits.
#[derive(Debug)]
pub struct Asker {
    /// The JSON-RPC id, verbatim; none in a notification.
    id: Option<String>,
    /// What the agent wanted to run.
    what: String,
    form: DenialForm,
}

impl Asker {
    /// The asker behind a message, to be denied in this form.
    pub fn of(message: &Message, form: DenialForm) -> Self {
        // The result of another method has another shape, so only an error can tell its caller.
        let form = match (form, &message.tool) {
            (DenialForm::Result, None) => DenialForm::Error,
            (form, _) => form,
        };
        let what = message.tool.as_ref().map_or(&message.method, |tool| &tool.name).clone();
        Self { id: message.id.as_ref().map(Json::text), what, form }
    }
}

/// Lets a request go on that policy lets pass.
pub fn pass() -> CheckResponse {
    allowed(None)
}

/// Denies what policy denies.
pub fn denied(asker: &Asker, denial: &Denial) -> CheckResponse {
    let text = format!("DENIED: {} was not executed: {}.", asker.what, denial.reason.trim_end_matches('.'));
    refusal(asker, "not_allowed", &text, None)
}

/// Refuses what cannot be read with certainty. There may be no id to answer to, so it is an HTTP error as well.
pub fn unreadable(unreadable: &Unreadable) -> CheckResponse {
    let code = unreadable.reason_code();
    let text = format!("REFUSED by the approval gate: {unreadable}");
    let id = unreadable.id.as_ref().map_or_else(|| "null".to_owned(), Json::text);
    let body = error_body(&id, unreadable.rpc_code(), &text, &json!({ "reason_code": code }));
    refused(unreadable.http_status(), code, body, None)
}

/// Refuses a request for a reason that has nothing to do with its message.
pub fn malformed(why: &str) -> CheckResponse {
    let text = format!("REFUSED by the approval gate: {why}");
    let body = error_body("null", -32600, &text, &json!({ "reason_code": "unreadable" }));
    refused(400, "unreadable", body, None)
}

/// Answers a held call. `link` is where reviewers find the approval.
pub fn outcome(
    asker: &Asker,
    outcome: &Outcome,
    link: impl Fn(&ApprovalId) -> Option<String>,
) -> CheckResponse {
    let what = &asker.what;
    if let Outcome::Released(release) = outcome {
        return allowed(Some(release));
    }
    let approval = outcome.approval();
    let (code, text) = match outcome {
        Outcome::Rejected { reason, .. } => ("rejected", rejection(what, reason.as_deref())),
        Outcome::Expired { .. } => {
            let text = format!("EXPIRED: {what} was not executed. No reviewer decided in time.");
            ("expired", text)
        }
        Outcome::Cancelled { why, .. } => {
            let why = match why {
                Cancellation::CallerLeft => "The call was withdrawn before it was released.",
                Cancellation::GrantUnused => "It was approved, but the approval was not used in time.",
                Cancellation::ByHand => "A person cancelled it before it was decided.",
                Cancellation::Revoked => "It was approved, but a person took the approval back.",
            };
            ("cancelled", format!("CANCELLED: {what} was not executed. {why}"))
        }
        Outcome::Pending { why: StillOpen::TakenOver, .. } => {
            let text = format!(
                "SUPERSEDED: this attempt at {what} was not executed. Another attempt at the same call has taken its place, \
                 and may have been executed. Do not call again before you know."
            );
            ("pending", text)
        }
        Outcome::Pending {
            why: why @ (StillOpen::HoldOver | StillOpen::Draining | StillOpen::Withdrawn),
            ..
        } => {
            let code = if *why == StillOpen::Draining { "shutting_down" } else { "pending" };
            let text = format!(
                "APPROVAL PENDING: {what} was not executed yet; it needs a reviewer's approval, which is still open. \
                 To go on waiting, call {what} again with exactly the same arguments."
            );
            (code, text)
        }
        Outcome::QueueFull(cap) => {
            let whose = match cap {
                Cap::Caller => "of yours ",
                Cap::Queue => "",
            };
            let text = format!(
                "QUEUE FULL: {what} was not executed. Too many calls {whose}wait for a reviewer already. Do not try \
                 again before some are decided."
            );
            ("queue_full", text)
        }
        Outcome::StoreUnavailable | Outcome::Released(_) => {
            let text = format!(
                "UNAVAILABLE: {what} was not executed. The approval service cannot reach its store. Try again later."
            );
            ("store_unavailable", text)
        }
    };
    let text = match approval {
        Some(id) => {
            let link = link(id).map_or(String::new(), |link| format!(" ({link})"));
            format!("{text}\nApproval: {id}{link}")
        }
        None => text,
    };
    refusal(asker, code, &text, approval)
}

/// Refuses a probe, whatever became of it, and tells what was seen of it.
pub fn probed(asker: &Asker, approval: Option<&ApprovalId>, seen: &serde_json::Value) -> CheckResponse {
    let text = "PROBE: this call is made to see whether the gate holds. It was refused, as every one is.";
    let data =
        json!({ "reason_code": "probe", "approval": approval.map(ToString::to_string), "probe": seen });
    denial(asker, "probe", text, &data, approval)
}

/// A denial of a message that was read, in the form that its rule chose.
fn refusal(asker: &Asker, code: &'static str, text: &str, approval: Option<&ApprovalId>) -> CheckResponse {
    let data = json!({ "reason_code": code, "approval": approval.map(ToString::to_string) });
    denial(asker, code, text, &data, approval)
}

fn denial(
    asker: &Asker,
    code: &'static str,
    text: &str,
    data: &serde_json::Value,
    approval: Option<&ApprovalId>,
) -> CheckResponse {
    let Some(id) = &asker.id else {
        // A notification has no id to answer to.
        return refused(403, code, error_body("null", REFUSED, text, data), approval);
    };
    match asker.form {
        DenialForm::Result => {
            let result = json!({
                "resultType": "complete",
                "isError": true,
                "content": [{ "type": "text", "text": text }],
                "_meta": { META_KEY: data },
            });
            refused(200, code, format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#), approval)
        }
        DenialForm::Error => refused(200, code, error_body(id, REFUSED, text, data), approval),
        DenialForm::Http403 => refused(403, code, error_body(id, REFUSED, text, data), approval),
    }
}

fn error_body(id: &str, code: i32, message: &str, data: &serde_json::Value) -> String {
    let error = json!({ "code": code, "message": message, "data": { META_KEY: data } });
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#)
}

fn allowed(release: Option<&Release>) -> CheckResponse {
    let approval = release.map(Release::approval);
    if release.is_some() {
        telemetry::answered("approved", approval);
    }
    let ok = OkHttpResponse {
        headers: approval.map(|id| header(APPROVAL_HEADER, id.to_string())).into_iter().collect(),
        // Only we may say these to the server behind the gateway; one that is set again has to stay.
        headers_to_remove: [APPROVAL_HEADER, OUTCOME_HEADER]
            .into_iter()
            .filter(|name| approval.is_none() || *name != APPROVAL_HEADER)
            .map(str::to_owned)
            .collect(),
    };
    let told = release.map(|release| {
        metadata("approved", Some(release.approval()), Some(release.by().reviewer.0.as_str()))
    });
    CheckResponse {
        status: Some(Status { code: 0, ..Status::default() }),
        http_response: Some(HttpResponse::OkResponse(ok)),
        dynamic_metadata: told,
    }
}

/// `http_status` is never 0: all callers pass one of 200 and 400 to 499.
fn refused(
    http_status: u16,
    code: &'static str,
    body: String,
    approval: Option<&ApprovalId>,
) -> CheckResponse {
    telemetry::answered(code, approval);
    metrics().refused(code);
    let mut headers =
        vec![header("content-type", "application/json".to_owned()), header(OUTCOME_HEADER, code.to_owned())];
    headers.extend(approval.map(|id| header(APPROVAL_HEADER, id.to_string())));
    let denied = DeniedHttpResponse { status: Some(HttpStatus { code: http_status.into() }), headers, body };
    CheckResponse {
        status: Some(Status { code: PERMISSION_DENIED, message: code.to_owned() }),
        http_response: Some(HttpResponse::DeniedResponse(denied)),
        dynamic_metadata: Some(metadata(code, approval, None)),
    }
}

/// What the gateway's access log can show of an answer.
fn metadata(outcome: &str, approval: Option<&ApprovalId>, reviewer: Option<&str>) -> Struct {
    let text = |text: &str| Value { kind: Some(Kind::StringValue(text.to_owned())) };
    let mut fields = std::collections::BTreeMap::from([("outcome".to_owned(), text(outcome))]);
    fields.extend(approval.map(|id| ("approval".to_owned(), text(&id.to_string()))));
    fields.extend(telemetry::trace_id().map(|trace| ("trace".to_owned(), text(&trace))));
    fields.extend(reviewer.map(|name| ("reviewer".to_owned(), text(name))));
    Struct { fields }
}

/// A header that takes the place of any that the client or the gateway has set under this name.
fn header(name: &str, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key: name.to_owned(), value, ..HeaderValue::default() }),
        append: Some(false),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
    }
}

#[cfg(test)]
mod tests;
