//! Callers, replicas, reviewers and Redis, and whatever may happen to them, in any order.
//!
//! A wake-up is a hint, so a waiting attempt may look at any moment: that covers every lost, late and repeated message.
//! (That it looks at all is the business of [`super::doorbell`].) A lease is over whenever somebody finds that it is,
//! which covers replicas that are frozen. Any reply may get lost, and what was not answered is sent again at any time.

use super::record::{ATTEMPTS, CLICKS, REVIEWERS, Terms};
use super::redis::{Fault, Redis};

/// How much may happen.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub attempts: usize,
    pub clicks: usize,
    /// So many replies may get lost.
    pub lost: u8,
    pub overdue: bool,
    pub crash: bool,
    pub failover: bool,
    pub terms: Terms,
    pub fault: Option<Fault>,
}

/// Everything at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct World {
    pub attempts: [Attempt; ATTEMPTS],
    pub clicks: [[Option<Click>; CLICKS]; REVIEWERS],
    pub crashed: Option<u8>,
    pub lost: u8,
    pub redis: Redis,
    pub second: Second,
}

/// One Check on a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempt {
    pub replica: u8,
    pub phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    Idle,
    /// Sent to the store at least once; no answer yet.
    Parking,
    Waiting(u8),
    /// Half way through a claim in two steps, which only a fault makes.
    Claiming(u8),
    /// The caller has hung up, and the record has still to be told.
    Leaving(u8),
    Allowed(Grounds),
    Denied,
    Left,
    Crashed,
}

/// Why an attempt was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grounds {
    pub record: u8,
    /// Under which life of Redis it was approved.
    pub under: Option<u8>,
    /// After so many void votes.
    pub void: u8,
    /// The decisions that stood, a bit for each.
    pub decisions: u8,
}

/// A reviewer's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Click {
    pub record: u8,
    pub approve: bool,
    /// The life of Redis that showed it.
    pub seen_in: u8,
    /// The reviewer knows what became of it, and does not send it again.
    pub answered: bool,
    /// The reviewer was told that it is recorded, and replicated.
    pub acknowledged: bool,
}

/// What there is of Redis beside the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Second {
    /// A replica that is up to date.
    Follows,
    /// A replica that gets nothing any more: what is written from now on is lost if it is promoted.
    Lags(Redis),
    /// It was promoted, and the old primary lives on for the first of our replicas.
    Zombie(Redis),
    /// It was promoted, and the old primary is dead.
    Gone,
}

impl World {
    /// The Redis that this replica talks to.
    pub fn redis(&mut self, replica: u8) -> &mut Redis {
        match &mut self.second {
            Second::Zombie(zombie) if replica == 0 => zombie,
            _ => &mut self.redis,
        }
    }

    /// Every Redis that still answers somebody.
    pub fn lives(&self) -> impl Iterator<Item = &Redis> {
        let zombie = match &self.second {
            Second::Zombie(zombie) => Some(zombie),
            _ => None,
        };
        std::iter::once(&self.redis).chain(zombie)
    }

    /// The attempts whose replica looks dead to this one.
    pub fn gone(&self, replica: u8, lease_over: bool) -> [bool; ATTEMPTS] {
        self.attempts.map(|attempt| lease_over && attempt.replica != replica)
    }
}
