//! A held call waits here until its approval lets it go on, ends, or its time is up.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::Approvals;
use super::waiters::Waiter;
use crate::domain::approval::{Approval, Departure, Held, Holder, Origin, State};
use crate::domain::audit::{Event, Note};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ApprovalId, AttemptId};
use crate::domain::outcome::{Outcome, StillOpen};
use crate::domain::probe;
use crate::store::{Parking, StoreError};
use crate::telemetry::metrics::Waiting;
use crate::telemetry::{self, Span, metrics};

/// How long to wait before asking a store again that did not answer.
const RETRY: Duration = Duration::from_millis(200);

/// How long a detachment is tried once its Check is gone. Past it the approval ends by its own deadline.
const DETACH_FOR: Duration = Duration::from_secs(15 * 60);

/// How long after the end of its hold a call may still be answered, where the store takes its time.
const LAST_WORD: Duration = Duration::from_millis(500);

impl Approvals {
    /// Parks a call and waits for its approval, at most until `end`.
    ///
    /// Dropping the future means that the caller has left; the record then says so.
    /// `origin` is the request that it answers to, where a withdrawal can name it.
    pub async fn hold(
        self: &Arc<Self>,
        held: impl Into<Arc<Held>>,
        origin: Option<Origin>,
        end: Instant,
    ) -> Outcome {
        let waiting = Waiting::begin();
        let outcome = timeout_at(end + LAST_WORD, self.wait(held.into(), origin, end)).await;
        let outcome = outcome.unwrap_or(Outcome::StoreUnavailable);
        waiting.end(&outcome);
        outcome
    }

    async fn wait(self: &Arc<Self>, held: Arc<Held>, origin: Option<Origin>, end: Instant) -> Outcome {
        // Boxed, so that what parking needs does not stay in memory for as long as the call waits.
        let attempt = match Box::pin(Span::part("park").around(self.park(held, origin, end))).await {
            Ok(attempt) => attempt,
            Err(StoreError::Full(cap)) => {
                tracing::warn!(?cap, "a call was refused: too many wait");
                return Outcome::QueueFull(cap);
            }
            Err(error) => {
                tracing::warn!(%error, "a call could not be parked");
                return Outcome::StoreUnavailable;
            }
        };
        let since = Instant::now();
        let waited = attempt.wait(end).inspect(|outcome| telemetry::ended(outcome, since.elapsed()));
        Span::part("hold").around(waited).await
    }

    /// Listens, then writes the call down. It may take up the record of an identical call that nobody waits for.
    async fn park(
        self: &Arc<Self>,
        held: Arc<Held>,
        origin: Option<Origin>,
        end: Instant,
    ) -> Result<Attempt, StoreError> {
        let id = ApprovalId::new(held.terms.queue.clone(), self.clock.now());
        let holder = Holder { attempt: AttemptId::random(), replica: self.replica, origin };
        let parking = Parking { id, held, holder, caps: self.caps() };
        let mut attempt = Attempt {
            approvals: Arc::clone(self),
            listening: self.listen(&parking.id).await,
            approval: parking.id.clone(),
            parking,
            seen: None,
            answered: false,
        };
        let patience = end.min(Instant::now() + self.settings.patience);
        loop {
            match attempt.park().await {
                Ok(()) => return Ok(attempt),
                Err(full @ StoreError::Full(_)) => {
                    attempt.answered = true;
                    self.note_full(&attempt.parking.held);
                    return Err(full);
                }
                Err(error) if Instant::now() + RETRY >= patience => return Err(error),
                Err(_) => sleep(RETRY).await,
            }
        }
    }

    fn note_full(self: &Arc<Self>, held: &Held) {
        if probe::is_queue(&held.terms.queue) {
            return;
        }
        let caller = held.caller.subject.as_ref().map(ToString::to_string);
        let note = Note::new(Event::Denied).with("code", "queue_full").with("rule", held.terms.rule.clone());
        let note = note.with("queue", held.terms.queue.to_string()).with("caller", caller);
        let note = note.with("method", held.method.clone()).with("tool", held.tool.clone());
        self.note_of_stranger(note.with("path", held.request.target.split('?').next()));
    }

    /// Registered first, subscribed then: a ring between the two is not lost.
    async fn listen(self: &Arc<Self>, id: &ApprovalId) -> Listening {
        let listening = Listening { waiter: self.waiters.register(id.clone()), approvals: Arc::clone(self) };
        if let Err(error) = self.store.listen(id).await {
            tracing::debug!(approval = %id, %error, "not subscribed: the safety net has to carry this one");
        }
        listening
    }

    /// Writes down that a release let nothing through: the record cannot take it back.
    fn withheld(self: &Arc<Self>, released: &Approval) {
        tracing::warn!(approval = %released.id, "released, but the call was refused or its caller had left");
        self.note(Note::about(Event::Withheld, &released.id));
    }
}

/// One Check that waits. Dropped before it was answered, it leaves the record without a holder.
struct Attempt {
    approvals: Arc<Approvals>,
    /// To what record it belongs.
    approval: ApprovalId,
    listening: Listening,
    /// Kept to park the call again if the store loses its record.
    parking: Parking,
    /// What parking returned, to spare the first look.
    seen: Option<Box<Approval>>,
    answered: bool,
}

/// What a look at the record came to.
enum Step {
    /// The attempt is over.
    Ended(Outcome),
    /// Nothing yet.
    Wait,
    /// The store did not answer: look again soon.
    Unsure,
}

/// A release that could be lost with its server.
struct NotReplicated;

impl Attempt {
    /// Until its approval lets it go on, ends, or its time is up.
    async fn wait(mut self, end: Instant) -> Outcome {
        loop {
            let unsure = match self.step().await {
                Step::Ended(outcome) => return outcome,
                Step::Wait => false,
                Step::Unsure => true,
            };
            let departure = tokio::select! {
                () = self.listening.rung() => continue,
                () = sleep(RETRY), if unsure => continue,
                () = sleep_until(end) => Departure::HoldOver,
                () = self.approvals.draining.cancelled() => Departure::Draining,
            };
            // What was approved in this very moment is still claimed.
            return match self.step().await {
                Step::Ended(outcome) => outcome,
                Step::Wait | Step::Unsure => self.depart(departure).await,
            };
        }
    }

    /// Writes the call down; sent again, it finds what the first time wrote.
    async fn park(&mut self) -> Result<(), StoreError> {
        let parked = self.approvals.store.park(&self.parking).await?;
        let held = &self.parking.held;
        if probe::is_queue(parked.id.queue()) {
            tracing::debug!(approval = %parked.id, "a probe is parked");
        } else {
            tracing::info!(approval = %parked.id, rule = held.terms.rule, tool = held.tool, "parked");
        }
        telemetry::parked(&parked, self.approvals.replica);
        if parked.id == self.approval {
            self.seen = Some(Box::new(parked));
        } else {
            // Nobody here listened to this one yet, so it has to be looked at again. It is noted first: who leaves
            // meanwhile leaves this one.
            self.approval = parked.id;
            self.listening = self.approvals.listen(&self.approval).await;
        }
        Ok(())
    }

    /// Claims the call, which is a look too: a record that is not approved stands as it was.
    async fn step(&mut self) -> Step {
        let (standing, claimed) = match self.seen.take() {
            Some(seen) if !matches!(seen.state, State::Approved { .. }) => (Ok(Some(*seen)), false),
            _ => (self.claim().await, true),
        };
        match standing {
            Ok(Some(approval)) => match self.outcome(&approval).await {
                Ok(Some(outcome)) => {
                    telemetry::voted(&approval);
                    if claimed && matches!(outcome, Outcome::Released(_)) {
                        metrics().claimed(&approval);
                    }
                    self.ended(outcome)
                }
                Ok(None) => Step::Wait,
                Err(NotReplicated) => Step::Unsure,
            },
            // A failover or a restart has lost it, and with it whatever was decided: the reviewers see it again.
            Ok(None) => {
                tracing::warn!(approval = %self.approval, "the store has lost the record, parking again");
                match self.park().await {
                    Ok(()) | Err(StoreError::Unavailable(_) | StoreError::LeaseLost) => Step::Unsure,
                    Err(error @ (StoreError::Unreadable { .. } | StoreError::Full(_))) => {
                        tracing::error!(%error, "refused");
                        self.ended(Outcome::StoreUnavailable)
                    }
                }
            }
            // A claim may have come through all the same: the next look tells.
            Err(StoreError::Unavailable(_) | StoreError::LeaseLost) => Step::Unsure,
            Err(error @ (StoreError::Unreadable { .. } | StoreError::Full(_))) => {
                tracing::error!(%error, "refused");
                self.ended(Outcome::StoreUnavailable)
            }
        }
    }

    async fn claim(&self) -> Result<Option<Approval>, StoreError> {
        let fingerprint = self.fingerprint();
        let claim = self.approvals.store.claim(&self.approval, self.id(), &fingerprint);
        Span::part("claim").around(claim).await
    }

    /// What the record says to this attempt. A release counts once the replicas of the store have it that are asked for:
    /// one that a failover forgets would be asked for, and run, again.
    async fn outcome(&self, standing: &Approval) -> Result<Option<Outcome>, NotReplicated> {
        let outcome = Outcome::of(standing, self.id(), &self.fingerprint());
        match outcome {
            Some(Outcome::Released(_)) if self.approvals.store.replicated(standing).await == Some(false) => {
                tracing::warn!(approval = %standing.id, "not released: replicas of the store do not have it yet");
                Err(NotReplicated)
            }
            outcome => Ok(outcome),
        }
    }

    fn id(&self) -> AttemptId {
        self.parking.holder.attempt
    }

    fn fingerprint(&self) -> Fingerprint {
        self.parking.held.fingerprint
    }

    fn ended(&mut self, outcome: Outcome) -> Step {
        self.answered = true;
        Step::Ended(outcome)
    }

    /// Gives up waiting. The record has the last word: it may have ended in the same moment.
    async fn depart(mut self, departure: Departure) -> Outcome {
        let standing = match self.approvals.store.detach(&self.approval, self.id(), departure).await {
            Ok(Some(standing)) => standing,
            Ok(None) => {
                self.answered = true;
                return Outcome::StoreUnavailable;
            }
            // Not answered: the drop goes on trying.
            Err(_) => return Outcome::StoreUnavailable,
        };
        self.answered = true;
        match self.outcome(&standing).await {
            Ok(Some(Outcome::Pending { approval, .. })) if standing.holder.is_none() => {
                let why = match departure {
                    Departure::Draining => StillOpen::Draining,
                    Departure::HoldOver | Departure::CallerGone => StillOpen::HoldOver,
                };
                Outcome::Pending { approval, why }
            }
            Ok(Some(outcome)) => outcome,
            Ok(None) => Outcome::StoreUnavailable,
            Err(NotReplicated) => {
                self.approvals.withheld(&standing);
                Outcome::StoreUnavailable
            }
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        let (approvals, approval, id) = (Arc::clone(&self.approvals), self.approval.clone(), self.id());
        let fingerprint = self.fingerprint();
        self.approvals.tasks.spawn(async move {
            let give_up = Instant::now() + DETACH_FOR;
            while Instant::now() < give_up {
                match approvals.store.detach(&approval, id, Departure::CallerGone).await {
                    Err(StoreError::Unavailable(_) | StoreError::LeaseLost) => sleep(RETRY).await,
                    Err(error @ (StoreError::Unreadable { .. } | StoreError::Full(_))) => {
                        return tracing::error!(%error, "not detached");
                    }
                    Ok(standing) => {
                        if let Some(standing) = standing
                            && standing.release(id, &fingerprint).is_some()
                        {
                            approvals.withheld(&standing);
                        }
                        return tracing::info!(%approval, "the caller left");
                    }
                }
            }
        });
    }
}

/// A registration with the bell and a subscription at the store; both end when it is dropped.
struct Listening {
    waiter: Waiter,
    approvals: Arc<Approvals>,
}

impl Listening {
    async fn rung(&self) {
        self.waiter.rung().await;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.approvals.store.forget(self.waiter.id());
    }
}
