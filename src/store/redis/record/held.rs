//! What was asked, as one opaque value.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::approval::{Held, HeldRequest};
use crate::domain::call::Caller;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{Group, QueueName, Subject};
use crate::domain::json::Json;
use crate::domain::quorum::Share;
use crate::domain::redaction::Redacted;
use crate::domain::ruling::{DenialForm, Late, Reason, Terms};

/// The line of JSON before the body. Fingerprint and queue are kept elsewhere; what is none is left out.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    tool: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    route: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    session: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    trace: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    masked: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    #[serde(borrow)]
    caller: CallerLine<'a>,
    #[serde(borrow)]
    http: HttpLine<'a>,
    #[serde(borrow)]
    terms: TermsLine<'a>,
}

#[derive(Serialize, Deserialize)]
struct CallerLine<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    sub: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    actors: Vec<Cow<'a, str>>,
    claims: Cow<'a, RawValue>,
}

#[derive(Serialize, Deserialize)]
struct HttpLine<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    target: Cow<'a, str>,
    #[serde(borrow)]
    host: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// Times in ms; no grant means `late: off`.
#[derive(Serialize, Deserialize)]
struct TermsLine<'a> {
    #[serde(borrow)]
    rule: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    reviewers: Vec<Cow<'a, str>>,
    approvals: u8,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    shares: Vec<(Cow<'a, str>, u8)>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    reason_required: bool,
    hold: u64,
    expires: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant: Option<u64>,
    #[serde(default)]
    cooldown: u64,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    title: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    risk: Option<Cow<'a, str>>,
    form: FormLine,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FormLine {
    Result,
    Error,
    Http403,
}

/// The line, then the body as it is: not escaped a second time, and never parsed on the way.
pub(in crate::store::redis) fn encode(held: &Held) -> String {
    let claims = RawValue::from_string(held.caller.claims.text()).expect("JSON is written as JSON");
    let line = Line {
        method: text(&held.method),
        tool: held.tool.as_deref().map(text),
        route: held.route.as_deref().map(text),
        session: held.session.as_deref().map(text),
        trace: held.trace.as_deref().map(text),
        dropped: held.redacted.dropped.iter().map(|place| text(place)).collect(),
        masked: held.redacted.masked.iter().map(|(place, value)| (text(place), text(value))).collect(),
        caller: CallerLine {
            sub: held.caller.subject.as_ref().map(|s| text(&s.0)),
            actors: held.caller.actors.iter().map(|a| text(&a.0)).collect(),
            claims: Cow::Owned(claims),
        },
        http: HttpLine {
            method: text(&held.request.method),
            target: text(&held.request.target),
            host: text(&held.request.host),
            headers: held.request.headers.iter().map(|(name, value)| (text(name), text(value))).collect(),
        },
        terms: terms_line(&held.terms),
    };
    let mut stored = serde_json::to_string(&line).expect("text and numbers become JSON");
    stored.reserve_exact(1 + held.body.len());
    stored.push('\n');
    stored.push_str(&held.body);
    stored
}

/// Reads back what [`encode`] wrote.
pub(super) fn decode(stored: &str, fingerprint: Fingerprint, queue: &QueueName) -> Result<Held, String> {
    let (line, body) = stored.split_once('\n').ok_or("what was asked has no body")?;
    let line: Line<'_> = serde_json::from_str(line).map_err(|e| format!("what was asked: {e}"))?;
    let claims = Json::read(line.caller.claims.get().as_bytes()).map_err(|e| format!("the claims: {e}"))?;
    Ok(Held {
        fingerprint,
        caller: Caller {
            subject: line.caller.sub.map(|s| Subject(s.into_owned())),
            actors: line.caller.actors.into_iter().map(|a| Subject(a.into_owned())).collect(),
            claims,
            // Needed only while the call is parked.
            credential: None,
        },
        terms: terms(line.terms, queue),
        method: line.method.into_owned(),
        tool: line.tool.map(Cow::into_owned),
        body: body.to_owned(),
        request: HeldRequest {
            method: line.http.method.into_owned(),
            target: line.http.target.into_owned(),
            host: line.http.host.into_owned(),
            headers: line.http.headers.into_iter().map(|(n, v)| (n.into_owned(), v.into_owned())).collect(),
        },
        route: line.route.map(Cow::into_owned),
        session: line.session.map(Cow::into_owned),
        trace: line.trace.map(Cow::into_owned),
        redacted: Redacted {
            dropped: line.dropped.into_iter().map(Cow::into_owned).collect(),
            masked: line.masked.into_iter().map(|(p, v)| (p.into_owned(), v.into_owned())).collect(),
        },
    })
}

fn terms_line(terms: &Terms) -> TermsLine<'_> {
    TermsLine {
        rule: text(&terms.rule),
        reviewers: terms.reviewers.iter().map(|group| text(&group.0)).collect(),
        approvals: terms.approvals,
        shares: terms.shares.iter().map(|share| (text(&share.group.0), share.people)).collect(),
        reason_required: terms.reason == Reason::Required,
        hold: millis(terms.hold),
        expires: millis(terms.expires),
        cooldown: millis(terms.cooldown),
        grant: match terms.late {
            Late::On { grant } => Some(millis(grant)),
            Late::Off => None,
        },
        title: terms.title.as_deref().map(text),
        risk: terms.risk.as_deref().map(text),
        form: match terms.form {
            DenialForm::Result => FormLine::Result,
            DenialForm::Error => FormLine::Error,
            DenialForm::Http403 => FormLine::Http403,
        },
    }
}

fn terms(line: TermsLine<'_>, queue: &QueueName) -> Terms {
    Terms {
        rule: line.rule.into_owned(),
        queue: queue.clone(),
        reviewers: line.reviewers.into_iter().map(|group| Group(group.into_owned())).collect(),
        approvals: line.approvals,
        shares: line.shares.into_iter().map(share).collect(),
        reason: if line.reason_required { Reason::Required } else { Reason::Optional },
        hold: Duration::from_millis(line.hold),
        expires: Duration::from_millis(line.expires),
        cooldown: Duration::from_millis(line.cooldown),
        late: line.grant.map_or(Late::Off, |grant| Late::On { grant: Duration::from_millis(grant) }),
        title: line.title.map(Cow::into_owned),
        risk: line.risk.map(Cow::into_owned),
        form: match line.form {
            FormLine::Result => DenialForm::Result,
            FormLine::Error => DenialForm::Error,
            FormLine::Http403 => DenialForm::Http403,
        },
        redaction: Arc::default(),
    }
}

fn share((group, people): (Cow<'_, str>, u8)) -> Share {
    Share { group: Group(group.into_owned()), people }
}

fn text(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

/// In whole ms, as scripts count.
pub(in crate::store::redis) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
