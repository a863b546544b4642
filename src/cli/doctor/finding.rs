//! What the doctor has to say, in words and as JSON.

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::cli::render::text::visible;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// It works, and may not always.
    Warning,
    /// It does not work, or is dangerous.
    Failed,
    /// It cannot be seen from here.
    Unseen,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// What was looked at, the same in every version.
    pub(super) about: &'static str,
    pub(super) level: Level,
    /// What was seen, and what to do.
    pub(super) said: String,
}

impl Finding {
    pub(super) fn ok(about: &'static str, said: impl Into<String>) -> Self {
        Self { about, level: Level::Ok, said: said.into() }
    }

    pub(super) fn warning(about: &'static str, said: impl Into<String>) -> Self {
        Self { about, level: Level::Warning, said: said.into() }
    }

    pub(super) fn failed(about: &'static str, said: impl Into<String>) -> Self {
        Self { about, level: Level::Failed, said: said.into() }
    }

    pub(super) fn unseen(about: &'static str, said: impl Into<String>) -> Self {
        Self { about, level: Level::Unseen, said: said.into() }
    }
}

/// Prints all findings; servers have written a part of them, so that part is made harmless.
pub(super) fn print(findings: &[Finding], json: bool) {
    if json {
        let healthy = findings.iter().all(|finding| finding.level != Level::Failed);
        anstream::println!("{}", serde_json::json!({ "healthy": healthy, "findings": findings }));
        return;
    }
    for Finding { about, level, said } in findings {
        let (word, style) = match level {
            Level::Ok => ("ok", AnsiColor::Green.on_default()),
            Level::Warning => ("warning", AnsiColor::Yellow.on_default()),
            Level::Failed => ("FAILED", AnsiColor::Red.on_default().bold()),
            Level::Unseen => ("unseen", Style::new().dimmed()),
        };
        anstream::println!("{style}{word:7}{style:#} {about:22} {}", visible(said));
    }
}
