//! What the last probe of this replica by itself came to.

use std::sync::{Mutex, MutexGuard};

use jiff::Timestamp;

use crate::telemetry::metrics;

/// The last probes of this replica.
#[derive(Debug, Default)]
pub struct Canary(Mutex<Sung>);

/// What is known of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sung {
    /// When one was last parked and refused as it should be.
    pub well_at: Option<Timestamp>,
    /// What went wrong with the last one; none where it went well, or none was made yet.
    pub trouble: Option<String>,
}

impl Canary {
    /// Notes what a probe came to. A change for the worse or the better is logged, and no repetition.
    pub fn note(&self, now: Timestamp, came_to: Result<(), String>) {
        metrics().sang(came_to.is_ok());
        let mut sung = self.sung();
        match came_to {
            Ok(()) => {
                if sung.trouble.take().is_some() {
                    tracing::info!("the canary sings again: calls are parked and refused as they should be");
                }
                sung.well_at = Some(now);
            }
            Err(why) => {
                if sung.trouble.is_none() {
                    tracing::error!(why, "the canary is silent: a probe of this replica went wrong");
                }
                sung.trouble = Some(why);
            }
        }
    }

    /// What is known now.
    pub fn now(&self) -> Sung {
        self.sung().clone()
    }

    fn sung(&self) -> MutexGuard<'_, Sung> {
        self.0.lock().expect("nothing panics while it is locked")
    }
}
