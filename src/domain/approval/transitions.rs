//! Every change that a record can go through. Anything else changes nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Approval, Cancellation, Departure, Held, Holder, State};
use crate::domain::decision::{Verdict, Vote};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ApprovalId, AttemptId, Incarnation};
use crate::domain::ruling::Late;

/// How long the attempt that waits has to claim an approval where no grant outlives it.
pub const CLAIM_WINDOW: Duration = Duration::from_secs(30);

/// Why a vote does not count. The record stands as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VoteRefused {
    /// It is no longer open.
    #[error("the approval is no longer open")]
    NotOpen,
    /// This reviewer has voted before.
    #[error("this reviewer has voted before")]
    AlreadyVoted,
    /// The decision was taken on what another life of the store showed, or before reviewers were asked again; it takes
    /// a new one.
    #[error("this decision was taken in another life of the store")]
    Void,
    /// The reviewer saw another call than the one recorded.
    #[error("the fingerprint is not the one of the recorded call")]
    FingerprintMismatch,
}

impl Approval {
    /// A record of a call that was parked just now.
    pub fn parked(
        id: ApprovalId,
        held: Arc<Held>,
        holder: Holder,
        now: Timestamp,
        here: Incarnation,
    ) -> Self {
        let open_for = match held.terms.late {
            Late::On { .. } => held.terms.expires,
            Late::Off => held.terms.expires.min(held.terms.hold),
        };
        Self {
            id,
            seq: 1,
            epoch: 1,
            held,
            state: State::Pending,
            holder: Some(holder),
            left_at: None,
            votes: Vec::new(),
            void: 0,
            under: None,
            last_act: None,
            parked_in: here,
            seen_in: here,
            created_at: now,
            deadline: now + open_for,
        }
    }

    /// Takes up a record whose holder is gone for another attempt at the same call. An approval that was given
    /// meanwhile is released by it: transfer and release are one step. One that was given under another incarnation
    /// is asked for again.
    ///
    /// Returns false, and changes nothing, where the record cannot be taken up.
    pub fn take_up(&mut self, holder: Holder, now: Timestamp, here: Incarnation) -> bool {
        if self.held.terms.late == Late::Off {
            return false;
        }
        match self.state {
            State::Pending if now < self.deadline => {}
            State::Approved { until, .. } if now < until => {
                if self.under == Some(here) {
                    self.state = State::Released { at: now, attempt: holder.attempt };
                } else {
                    self.reconfirm(until);
                }
            }
            _ => return false,
        }
        self.holder = Some(holder);
        self.left_at = None;
        self.epoch += 1;
        self.seq += 1;
        true
    }

    /// Whether an identical call is refused without asking again, because this one was rejected a short while ago.
    pub fn rejects_again(&self, cooldown: Duration, now: Timestamp) -> bool {
        matches!(self.state, State::Rejected { at } if now < at + cooldown)
    }

    /// Counts a vote. The same decision sent again changes nothing and is not an error, unless it has become void.
    pub fn vote(&mut self, vote: Vote, now: Timestamp, here: Incarnation) -> Result<(), VoteRefused> {
        if let Some(place) = self.votes.iter().position(|v| v.decision == vote.decision) {
            return if place < self.void { Err(VoteRefused::Void) } else { Ok(()) };
        }
        if self.state != State::Pending || now >= self.deadline {
            return Err(VoteRefused::NotOpen);
        }
        if vote.fingerprint.is_some_and(|seen| seen != self.held.fingerprint) {
            return Err(VoteRefused::FingerprintMismatch);
        }
        // One that another life saw may have been counted there, and have released the call.
        if vote.seen_in.is_some_and(|seen_in| seen_in != here) {
            return Err(VoteRefused::Void);
        }
        // Votes of before a failover may have been counted by the old primary too, and have released the call there.
        let void = if self.under.is_some_and(|under| under != here) { self.votes.len() } else { self.void };
        // Whoever approved and waits for the others may be the one who breaks the glass.
        let breaks_glass = vote.ticket.is_some();
        if !breaks_glass && self.votes[void..].iter().any(|v| v.reviewer == vote.reviewer) {
            return Err(VoteRefused::AlreadyVoted);
        }
        self.void = void;
        self.under = Some(here);
        let rejected = vote.verdict == Verdict::Reject;
        self.votes.push(vote);
        if rejected {
            self.state = State::Rejected { at: now };
        } else if breaks_glass || self.approvals_missing() == 0 {
            let grant = match self.held.terms.late {
                Late::On { grant } => grant,
                Late::Off => CLAIM_WINDOW,
            };
            self.state = State::Approved { at: now, until: now + grant };
        }
        self.seq += 1;
        Ok(())
    }

    /// Releases an approved call to the attempt that waits for it. One that was approved under another incarnation is
    /// asked for again. Anything else changes nothing.
    pub fn claim(
        &mut self,
        attempt: AttemptId,
        fingerprint: &Fingerprint,
        now: Timestamp,
        here: Incarnation,
    ) {
        let State::Approved { until, .. } = self.state else { return };
        let holds = self.holder.is_some_and(|holder| holder.attempt == attempt);
        if !holds || *fingerprint != self.held.fingerprint || now >= until {
            return;
        }
        if self.under == Some(here) {
            self.state = State::Released { at: now, attempt };
        } else {
            self.reconfirm(until);
        }
        self.seq += 1;
    }

    /// Opens an approval again that another incarnation of the store recorded: the old primary may live on, unseen, and
    /// have released it. Its votes are void, and reviewers have at least as long as the grant was good for.
    fn reconfirm(&mut self, until: Timestamp) {
        self.state = State::Pending;
        self.void = self.votes.len();
        self.under = None;
        self.deadline = self.deadline.max(until);
    }

    /// Notes that an attempt no longer waits. One that has lost the record to another changes nothing.
    pub fn detach(&mut self, attempt: AttemptId, departure: Departure, now: Timestamp) {
        if self.state.settled_at().is_some() || self.holder.is_none_or(|holder| holder.attempt != attempt) {
            return;
        }
        if self.held.terms.late == Late::Off {
            self.state = match departure {
                Departure::HoldOver if self.state == State::Pending => State::Expired { at: now },
                _ => State::Cancelled { at: now, why: Cancellation::CallerLeft },
            };
        }
        self.holder = None;
        self.left_at = Some(now);
        self.epoch += 1;
        self.seq += 1;
    }

    /// Ends what is overdue. Returns whether anything changed.
    pub fn lapse(&mut self, now: Timestamp) -> bool {
        self.state = match self.state {
            State::Pending if now >= self.deadline => State::Expired { at: now },
            State::Approved { until, .. } if now >= until => {
                State::Cancelled { at: now, why: Cancellation::GrantUnused }
            }
            _ => return false,
        };
        self.seq += 1;
        true
    }
}
