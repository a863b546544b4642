//! A request as a call, and a call as it is held.

use std::sync::Arc;

use super::Gate;
use crate::domain::approval::{Held, HeldRequest, Origin};
use crate::domain::call::{Call, Caller, Request};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{RequestKey, SessionKey};
use crate::domain::message::Message;
use crate::domain::ruling::Terms;
use crate::ext_authz::identity;
use crate::ext_authz::request::{Body, HttpRequest, Vouched};
use crate::telemetry;

impl Gate {
    /// What is asked for, by whom, and by which route.
    pub(super) fn call(&self, http: HttpRequest, path: String, vouched: &Vouched) -> (Call, Body) {
        let caller = identity::caller(&self.settings.identity, vouched, &http.headers);
        let session = http.headers.all("mcp-session-id").next().map(|session| session_key(&caller, session));
        let call = Call {
            caller,
            route: identity::route(&self.settings.identity, vouched, &http.headers),
            session,
            request: Request {
                method: http.method,
                target: http.path,
                path,
                host: http.host,
                headers: http.headers.0,
            },
        };
        (call, http.body)
    }

    /// What is written down of a call: nothing that is redacted, and no header that is not kept.
    pub(super) fn held(&self, call: Call, message: Message, body: String, terms: Terms) -> Arc<Held> {
        let fingerprint = Fingerprint::of(&call, &message, &terms);
        let Call { caller, request, route, session } = call;
        let Request { method, target, path: _, host, mut headers } = request;
        headers.retain(|(name, _)| {
            self.settings.keep_headers.iter().any(|kept| kept.eq_ignore_ascii_case(name))
        });
        let (body, redacted) = terms.redaction.apply(body);
        let target = terms.redaction.text(&target);
        headers.iter_mut().for_each(|(_, value)| *value = terms.redaction.text(value));
        Arc::new(Held {
            fingerprint,
            caller,
            terms,
            method: message.method,
            tool: message.tool.map(|tool| tool.name),
            body,
            request: HeldRequest { method, target, host, headers },
            route,
            session: session.map(|session| session.to_string()),
            trace: telemetry::current().map(|span| span.to_string()),
            redacted,
        })
    }
}

fn session_key(caller: &Caller, session: &str) -> SessionKey {
    SessionKey::of(&[&caller.key().to_string(), session])
}

/// Which request an attempt answers to; none outside a session or without an id.
pub(super) fn origin(call: &Call, message: &Message) -> Option<Origin> {
    let request = RequestKey::of(&[&message.id.as_ref()?.text()]);
    Some(Origin { session: call.session?, request })
}
