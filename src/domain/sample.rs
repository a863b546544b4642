//! Calls and records for tests, with nothing unusual about them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::approval::{Approval, Held, HeldRequest, Holder};
use super::call::Caller;
use super::ids::{ApprovalId, AttemptId, Incarnation, ReplicaId, Subject};
use super::redaction::Redacted;
use super::ruling::{Caps, DenialForm, Late, Reason, Terms};

/// A held `run_migration(version=v3)`.
pub fn held() -> Held {
    Held {
        fingerprint: "11".repeat(32).parse().expect("64 hexadecimal digits"),
        caller: Caller { subject: Some(Subject("dba-assistant".into())), ..Caller::anonymous() },
        terms: terms(),
        method: "tools/call".into(),
        tool: Some("run_migration".into()),
        body: r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"run_migration","arguments":{"version":"v3"}}}"#
            .into(),
        request: HeldRequest {
            method: "POST".into(),
            target: "/privileged/mcp".into(),
            host: "ops-tools".into(),
            headers: vec![("user-agent".into(), "python-httpx/0.28.1".into())],
        },
        route: Some("privileged".into()),
        session: None,
        trace: None,
        redacted: Redacted::default(),
    }
}

/// One approval out of queue `default`, 50 s of hold, 15 min in all, 5 min of grant.
pub fn terms() -> Terms {
    Terms {
        rule: "migrations".into(),
        queue: "default".parse().expect("a queue's name"),
        reviewers: Vec::new(),
        approvals: 1,
        shares: Vec::new(),
        reason: Reason::Optional,
        hold: Duration::from_secs(50),
        expires: Duration::from_secs(15 * 60),
        late: Late::On { grant: Duration::from_secs(5 * 60) },
        cooldown: Duration::ZERO,
        title: None,
        risk: None,
        form: DenialForm::Result,
        redaction: Arc::default(),
    }
}

/// Caps that are never reached.
pub const UNLIMITED: Caps = Caps { caller: u32::MAX, queue: u32::MAX, total: u32::MAX };

/// The record of this call, parked just now.
pub fn parked(held: Held) -> Approval {
    let now = Timestamp::from_millisecond(1_800_000_000_000).expect("a time in 2027");
    let id = ApprovalId::new(held.terms.queue.clone(), now);
    let holder = Holder { attempt: AttemptId::random(), replica: ReplicaId::random(), origin: None };
    Approval::parked(id, Arc::new(held), holder, now, Incarnation::ONLY)
}
