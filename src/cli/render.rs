//! What people see in a terminal. Whatever an agent or a reviewer wrote passes through [`text`] or [`json`] first.

pub mod approval;
pub mod json;
pub mod text;

use anstyle::{AnsiColor, Style};

use crate::domain::approval::StateKind;

/// The names of things.
pub const LABEL: Style = Style::new().dimmed();
/// What matters most.
pub const STRONG: Style = Style::new().bold();
/// What must not be overlooked.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// How much of a long text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Its beginning, and how much more there is.
    Folded,
    /// All of it.
    Full,
}

/// The style of a state's word.
pub fn state_style(state: StateKind) -> Style {
    match state {
        StateKind::Pending => AnsiColor::Yellow.on_default(),
        StateKind::Approved | StateKind::Released => AnsiColor::Green.on_default(),
        StateKind::Rejected => AnsiColor::Red.on_default(),
        StateKind::Expired | StateKind::Cancelled => LABEL,
    }
}
