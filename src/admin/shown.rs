//! Which cards were shown to whom. Each is noted once, not with every look at the page.

use std::collections::HashSet;
use std::mem::take;
use std::sync::Mutex;

use crate::domain::approval::Approval;
use crate::domain::audit::{Event, Note};
use crate::domain::decision::Reviewer;
use crate::domain::ids::{ApprovalId, Subject};

/// So many are remembered, and as many before them. What is forgotten is noted again.
const REMEMBERED: usize = 10_000;

/// Who has been shown what on this replica, lately.
#[derive(Default)]
pub(super) struct Shown(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    new: HashSet<(Subject, ApprovalId)>,
    old: HashSet<(Subject, ApprovalId)>,
}

impl Memory {
    fn is_first(&mut self, showing: (Subject, ApprovalId)) -> bool {
        if self.old.contains(&showing) || !self.new.insert(showing) {
            return false;
        }
        if self.new.len() >= REMEMBERED {
            self.old = take(&mut self.new);
        }
        true
    }
}

impl Shown {
    /// What is to be noted of these cards in the queue.
    pub(super) fn first_time(&self, approvals: &[Approval], reviewer: &Reviewer) -> Vec<Note> {
        let mut memory = self.0.lock().expect("nothing panics while it is held");
        let first = approvals.iter().filter(|a| memory.is_first((reviewer.subject.clone(), a.id.clone())));
        first.map(|approval| note(approval, reviewer).with("place", "queue")).collect()
    }
}

/// That a reviewer was shown a call. What was shown is the body as it is kept; its digest is in every entry.
pub(super) fn note(approval: &Approval, reviewer: &Reviewer) -> Note {
    let fingerprint = approval.held.fingerprint.to_string();
    Note::about(Event::Shown, &approval.id).by(reviewer).with("fingerprint", fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sample;
    use jiff::Timestamp;

    #[test]
    fn memory_is_bounded_and_forgets_the_oldest_first() {
        let mut memory = Memory::default();
        let showing = || (Subject("alice".into()), ApprovalId::new(sample::terms().queue, Timestamp::now()));
        let (first, last) = (showing(), showing());
        assert!(memory.is_first(first.clone()) && !memory.is_first(first.clone()));
        (0..2 * REMEMBERED).for_each(|_| assert!(memory.is_first(showing())));
        assert!(memory.is_first(last.clone()) && !memory.is_first(last));
        assert!(memory.new.len() + memory.old.len() <= 2 * REMEMBERED);
        assert!(memory.is_first(first), "it was forgotten");
    }
}
