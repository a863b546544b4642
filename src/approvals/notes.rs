//! What changes no record is written down beside it, in the background: nobody waits for it. What there is no room for is
//! left out and counted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::Approvals;
use crate::domain::audit::{Event, Note};
use crate::store::StoreError;
use crate::telemetry::metrics;

/// How many notes may be under way at a time.
const UNDER_WAY: usize = 256;

/// Of those that belong together, so many are sent at once.
const AT_ONCE: usize = 32;

/// How long a note is tried, and how long to wait before it is tried again.
const TRIED_FOR: Duration = Duration::from_secs(15);
const TRIED_AGAIN: Duration = Duration::from_millis(200);

/// So many of each kind that strangers can cause are written in a minute: without a login, nobody fills the audit.
const STRANGERS_A_MINUTE: u32 = 60;

/// A text in them is cut behind so many characters.
const LONGEST_TEXT: usize = 256;

/// What is being noted, and what was in this minute.
pub(super) struct Notes {
    under_way: Arc<Semaphore>,
    minute: Mutex<Minute>,
}

#[derive(Default)]
struct Minute {
    of_strangers: HashMap<Event, u32>,
    left_out: HashMap<Event, u32>,
}

impl Default for Notes {
    fn default() -> Self {
        Self { under_way: Arc::new(Semaphore::new(UNDER_WAY)), minute: Mutex::default() }
    }
}

impl Approvals {
    /// Writes down what changes no record, and returns once it is.
    pub async fn write(&self, note: &Note) -> Result<(), StoreError> {
        self.store.note(note).await
    }

    /// Writes down, in the background, what changes no record.
    pub fn note(self: &Arc<Self>, note: Note) {
        self.note_all(vec![note]);
    }

    /// The same for several at once, which take the place of one.
    pub fn note_all(self: &Arc<Self>, notes: Vec<Note>) {
        let Ok(permit) = Arc::clone(&self.notes.under_way).try_acquire_owned() else {
            return notes.iter().for_each(|note| self.notes.leave_out(note.event));
        };
        let approvals = Arc::clone(self);
        self.tasks.spawn(async move {
            let write = |note| approvals.try_to_write(note);
            stream::iter(notes).for_each_concurrent(AT_ONCE, write).await;
            drop(permit);
        });
    }

    async fn try_to_write(&self, note: Note) {
        let give_up = Instant::now() + TRIED_FOR;
        while self.store.note(&note).await.is_err() {
            if Instant::now() >= give_up {
                return self.notes.leave_out(note.event);
            }
            sleep(TRIED_AGAIN).await;
        }
    }

    /// The same for what anybody can cause: so many a minute, and no long text.
    pub fn note_of_stranger(self: &Arc<Self>, note: Note) {
        if self.notes.takes_from_stranger(note.event) {
            self.note(cut(note));
        } else {
            self.notes.leave_out(note.event);
        }
    }

    /// Begins another minute, and notes what was left out in the last one.
    pub(super) fn next_minute(self: &Arc<Self>) {
        let left_out = self.notes.next_minute();
        if left_out.is_empty() {
            return;
        }
        let mut note = Note::new(Event::LeftOut);
        for (event, n) in left_out {
            tracing::warn!(event = event.as_str(), n, "left out of the audit");
            note = note.with(event.as_str(), n);
        }
        self.note(note.with("replica", self.replica.to_string()));
    }
}

impl Notes {
    fn takes_from_stranger(&self, event: Event) -> bool {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let n = minute.of_strangers.entry(event).or_default();
        *n = n.saturating_add(1);
        *n <= STRANGERS_A_MINUTE
    }

    fn leave_out(&self, event: Event) {
        metrics().left_out_of_audit(event);
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let n = minute.left_out.entry(event).or_default();
        *n = n.saturating_add(1);
    }

    fn next_minute(&self) -> HashMap<Event, u32> {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *minute).left_out
    }
}

fn cut(mut note: Note) -> Note {
    for value in note.detail.values_mut() {
        if let Value::String(text) = value
            && let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT)
        {
            text.truncate(end);
            text.push('…');
        }
    }
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_strangers_is_counted_and_not_written() {
        let notes = Notes::default();
        let flood = |event| (0..1000).filter(|_| notes.takes_from_stranger(event)).count();
        assert_eq!(flood(Event::Denied), STRANGERS_A_MINUTE as usize);
        assert_eq!(flood(Event::LoginFailed), STRANGERS_A_MINUTE as usize, "one flood hides no other");
        for _ in 0..940 {
            notes.leave_out(Event::Denied);
        }
        assert_eq!(notes.next_minute(), HashMap::from([(Event::Denied, 940)]));
        assert!(notes.takes_from_stranger(Event::Denied), "another minute");
        assert!(notes.next_minute().is_empty(), "what was left out is told once");
    }

    #[test]
    fn a_long_text_of_a_stranger_is_cut() {
        let path = cut(Note::new(Event::Denied).with("path", "ä".repeat(10_000))).detail["path"].clone();
        assert_eq!(path.as_str().unwrap().chars().count(), LONGEST_TEXT + 1);
    }
}
