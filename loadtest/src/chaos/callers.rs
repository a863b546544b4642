//! Agents: each makes one call after the other, waits, hangs up, calls again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::gateway::{Gateway, Wanted};
use super::history::{Answer, Call};
use crate::local::replica::Terms;

/// One call in so many is made by two at once, and one in so many is made again when it is over.
const SHARED: u64 = 12;
/// One Check in so many is left by its caller before it is answered.
const HUNG_UP: u64 = 25;

/// All agents.
pub struct Callers {
    /// Through which they call.
    pub gateway: Gateway,
    /// How many replicas there are to be asked.
    pub replicas: usize,
    /// How long they can expect to wait.
    pub terms: Terms,
    calls: AtomicU64,
    wants: AtomicU64,
}

impl Callers {
    /// Agents that have not called yet.
    pub fn new(gateway: Gateway, replicas: usize, terms: Terms) -> Self {
        Self { gateway, replicas, terms, calls: AtomicU64::new(1), wants: AtomicU64::new(1) }
    }

    /// One agent. It begins no new call once told to stop, and returns when its last one is over.
    pub async fn run(self: Arc<Self>, number: u64, mut rng: Rng, stop: CancellationToken) {
        let caller = format!("agent-{number}");
        while !stop.is_cancelled() {
            let call = self.calls.fetch_add(1, Ordering::Relaxed);
            match rng.u64(..SHARED * 2) {
                0 => {
                    let (one, other) = (rng.fork(), rng.fork());
                    tokio::join!(self.want(call, &caller, one), self.want(call, &caller, other));
                }
                1 => {
                    self.want(call, &caller, rng.fork()).await;
                    self.want(call, &caller, rng.fork()).await;
                }
                _ => self.want(call, &caller, rng.fork()).await,
            }
        }
    }

    /// Makes a call, again and again where that may help, until it is over or the agent gives up.
    async fn want(&self, call: Call, caller: &str, mut rng: Rng) {
        let wanted =
            Wanted { call, want: self.wants.fetch_add(1, Ordering::Relaxed), caller: caller.to_owned() };
        let hold = self.terms.hold;
        let gives_up = Instant::now() + self.terms.expires * 2;
        while Instant::now() < gives_up {
            // Some gateways wait longer than a call is held, some do not.
            let patience = hold.mul_f64(if rng.bool() { 1.5 } else { 0.4 + rng.f64() / 2.0 });
            let forwarded = self.gateway.forward(&wanted, rng.usize(..self.replicas), patience);
            let leaves = rng.u64(..HUNG_UP) == 0;
            let stays = if leaves { hold.mul_f64(rng.f64() / 2.0) } else { Duration::MAX };
            let pause = match timeout(stays, forwarded).await {
                Err(_) if rng.bool() => return,
                Err(_) => hold.mul_f64(rng.f64() / 2.0),
                Ok(Some(Answer::Released { .. } | Answer::Rejected { .. } | Answer::Ended { .. })) => return,
                Ok(Some(Answer::Open { .. })) => Duration::from_millis(rng.u64(..300)),
                Ok(_) => Duration::from_millis(300 + rng.u64(..500)),
            };
            sleep(pause).await;
        }
    }
}
