//! The call that nobody means: the service and `holdpoint doctor` make it to see whether the gate holds.
//!
//! It is ruled on before policy, parks where no reviewer looks, and is refused however it ends: no decision can let it
//! through, so it needs no tool behind the gateway that would stand it.

use std::sync::Arc;
use std::time::Duration;

use super::ids::QueueName;
use super::message::Message;
use super::ruling::{DenialForm, Late, Reason, Terms};

/// The reserved name of the tool.
pub const TOOL: &str = "holdpoint.probe";

/// The queue where probes wait.
const QUEUE: &str = "holdpoint-probe";

/// How long a probe is held that does not say (`hold_ms`).
const HOLD: Duration = Duration::from_secs(1);

/// How long what became of a probe is kept.
pub const RETENTION: Duration = Duration::from_secs(600);

/// The queue where probes wait.
pub fn queue() -> QueueName {
    QUEUE.parse().expect("the reserved name is one of a queue")
}

/// Whether this is the queue where probes wait.
pub fn is_queue(queue: &QueueName) -> bool {
    queue.as_str() == QUEUE
}

/// The terms of a probe; none for any other call. It is held as long as it asks for, but no longer than `longest`.
pub fn terms(message: &Message, longest: Duration) -> Option<Terms> {
    let tool = message.tool.as_ref().filter(|tool| tool.name == TOOL)?;
    let asked = tool.arguments.get("hold_ms").and_then(|millis| millis.text().parse().ok());
    let hold = asked.map_or(HOLD, Duration::from_millis).min(longest);
    Some(Terms {
        rule: "(probe)".to_owned(),
        queue: queue(),
        reviewers: Vec::new(),
        approvals: 1,
        shares: Vec::new(),
        reason: Reason::Optional,
        hold,
        expires: hold + Duration::from_secs(30),
        late: Late::Off,
        cooldown: Duration::ZERO,
        title: Some("A probe of the gate".to_owned()),
        risk: None,
        form: DenialForm::Result,
        redaction: Arc::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::json::Json;
    use crate::domain::message::Tool;

    fn call(name: &str, arguments: &str) -> Message {
        let arguments = Json::read(arguments.as_bytes()).unwrap();
        let tool = Some(Tool { name: name.to_owned(), arguments });
        Message { method: "tools/call".to_owned(), id: None, params: Json::empty_object(), tool }
    }

    #[test]
    fn only_the_reserved_tool_is_a_probe_and_it_is_held_no_longer_than_a_rule_would() {
        let longest = Duration::from_secs(50);
        assert_eq!(terms(&call("run_migration", "{}"), longest), None);
        let hold = |arguments| terms(&call(TOOL, arguments), longest).unwrap().hold;
        assert_eq!(hold("{}"), HOLD);
        assert_eq!(hold(r#"{"hold_ms":250}"#), Duration::from_millis(250));
        assert_eq!(hold(r#"{"hold_ms":9999999999}"#), longest);
        assert_eq!(hold(r#"{"hold_ms":-1}"#), HOLD);
    }
}
