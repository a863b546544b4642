//! A request is refused and nobody is asked: what is answered, and what is noted of it.

use std::fmt::Display;

use super::{Gate, Next};
use crate::domain::audit::{Event, Note};
use crate::domain::call::Call;
use crate::domain::message::Asked;
use crate::domain::ruling::Denial;
use crate::ext_authz::mcp::Unreadable;
use crate::ext_authz::response::{self, Asker};

impl Gate {
    /// The message cannot be read with certainty.
    pub(super) fn unreadable(&self, target: &str, unreadable: &Unreadable) -> Next {
        let path = self.path(target);
        tracing::info!(%unreadable, path, "refused");
        self.approvals.note_of_stranger(refused(unreadable.reason_code()).with("path", path));
        Next::Answer(Box::new(response::unreadable(unreadable)))
    }

    /// The request is not one to rule on or to hold, whatever its message says.
    pub(super) fn malformed(&self, target: Option<&str>, why: &dyn Display) -> Next {
        let path = target.map(|target| self.path(target));
        tracing::info!(%why, path, "refused");
        self.approvals.note_of_stranger(refused("unreadable").with("path", path));
        Next::Answer(Box::new(response::malformed(&why.to_string())))
    }

    /// Policy denies it.
    pub(super) fn denied(&self, call: &Call, denial: &Denial, asked: &Asked) -> Next {
        let message = match asked {
            Asked::Message(message) => Some(message),
            Asked::Nothing | Asked::Response => None,
        };
        let method = message.map(|message| self.policy.redaction().text(&message.method));
        tracing::info!(rule = denial.rule, method, "denied");
        let caller = call.caller.subject.as_ref().map(ToString::to_string);
        let note = refused("policy").with("rule", denial.rule.clone()).with("caller", caller);
        let note = note.with("path", self.path(&call.request.target)).with("method", method);
        self.approvals.note_of_stranger(note);
        Next::Answer(Box::new(match message {
            Some(message) => response::denied(&Asker::of(message, denial.form), denial),
            None => response::malformed(&denial.reason),
        }))
    }

    /// The path as it may be told: whoever asks can have written a secret into it.
    fn path(&self, target: &str) -> String {
        self.policy.redaction().text(target.split(['?', '#']).next().unwrap_or_default())
    }
}

fn refused(code: &'static str) -> Note {
    Note::new(Event::Denied).with("code", code)
}
