//! What stands around every page of a reviewer.

use super::Admin;
use super::visible::{Markup, visible};
use crate::domain::decision::Reviewer;

/// Who looks, and whether everyone may.
pub(super) struct Frame {
    pub(super) reviewer: Markup,
    /// Whether everyone is let in.
    pub(super) open: bool,
}

impl Frame {
    /// The frame for this reviewer.
    pub(super) fn of(admin: &Admin, reviewer: &Reviewer) -> Self {
        Self { reviewer: visible(&reviewer.subject.0), open: admin.identities.are_off() }
    }
}
