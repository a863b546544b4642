//! Redis, and the store on it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::finding::Finding;
use crate::config::RedisConfig;
use crate::domain::approval::{Approval, Departure, Held, HeldRequest, Holder};
use crate::domain::call::{Call, Caller, Request};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::ids::{ApprovalId, AttemptId, ReplicaId};
use crate::domain::json::Json;
use crate::domain::message::{Message, Tool};
use crate::domain::probe;
use crate::domain::redaction::Redacted;
use crate::domain::ruling::Caps;
use crate::server::redis_settings;
use crate::store::redis::{Checkup, RedisStore, Settings};
use crate::store::{ApprovalStore, Bell, Health, Parking};

/// How long a connection may take.
const BOUND: Duration = Duration::from_secs(5);

/// How far apart the clocks may be before deadlines on a page look wrong.
const APART: Duration = Duration::from_secs(2);

/// How slow an answer may be before every step of a call is felt.
const SLOW: Duration = Duration::from_millis(20);

/// Looks at the Redis of this configuration, and parks a record in it.
pub(super) fn findings(config: &RedisConfig) -> anyhow::Result<Vec<Finding>> {
    let settings = redis_settings(config).context("redis")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut found = match RedisStore::checkup(&settings).await {
            Ok(checkup) => of_checkup(&checkup, config.wait_replicas),
            Err(why) => return Ok(vec![Finding::failed("redis.reachable", why)]),
        };
        found.push(match round_trip(settings).await {
            Ok(took) => Finding::ok(
                "store.round_trip",
                format!("a record was parked, read and withdrawn in {took:.1?}"),
            ),
            Err(why) => {
                Finding::failed("store.round_trip", format!("{why}. The user may lack rights: docs/redis.md"))
            }
        });
        Ok(found)
    })
}

fn of_checkup(checkup: &Checkup, wanted: u32) -> Vec<Finding> {
    let Checkup { version, unfit, persists, replicas, latency, clock_apart, user } = checkup;
    let mut found = vec![match unfit {
        Some(why) => Finding::failed("redis.fit", why.clone()),
        None => Finding::ok("redis.fit", format!("version {version}, evicts nothing")),
    }];
    found.push(match persists {
        Some(true) => Finding::ok("redis.persistence", "writes to disk"),
        Some(false) => {
            Finding::failed("redis.persistence", "neither AOF nor snapshots: a restart loses every approval")
        }
        None => {
            Finding::unseen("redis.persistence", "no AOF, and it does not say whether it writes snapshots")
        }
    });
    found.push(match replicas {
        0 if wanted > 0 => Finding::failed("redis.replicas", format!("none, and wait_replicas is {wanted}")),
        0 => Finding::warning("redis.replicas", "none: a crash of this server stops every approval"),
        n if *n < wanted => Finding::failed("redis.replicas", format!("{n}, and wait_replicas is {wanted}")),
        n => Finding::ok("redis.replicas", format!("{n}")),
    });
    found.push(match latency {
        slow if *slow > SLOW => Finding::warning("redis.latency", format!("{slow:.1?} for one answer")),
        latency => Finding::ok("redis.latency", format!("{latency:.1?} for one answer")),
    });
    found.push(match clock_apart {
        apart if *apart > APART => Finding::warning(
            "redis.clock",
            format!("it is {apart:.1?} apart from this machine's: deadlines are Redis' and will look wrong"),
        ),
        _ => Finding::ok("redis.clock", "agrees with this machine's"),
    });
    found.push(match user.as_deref() {
        Some("default") => Finding::warning(
            "redis.user",
            "the user is default, who usually may do everything: docs/redis.md has one with little leave",
        ),
        Some(user) => Finding::ok("redis.user", format!("the user is {user}")),
        None => Finding::ok("redis.user", "the user may not even ask for its name"),
    });
    found
}

/// Parks a record among the probes, reads it and withdraws it.
async fn round_trip(settings: Settings) -> Result<Duration, String> {
    let (replica, attempt) = (ReplicaId::random(), AttemptId::random());
    let store =
        RedisStore::start(settings, replica, vec![probe::queue()], Arc::new(Silent), probe::RETENTION)
            .map_err(|error| error.to_string())?;
    let end = Instant::now() + BOUND;
    while let Health::Down(why) = store.health() {
        if Instant::now() > end {
            return Err(why);
        }
        sleep(Duration::from_millis(20)).await;
    }
    let id = ApprovalId::new(probe::queue(), Timestamp::now());
    let caps = Caps { caller: u32::MAX, queue: u32::MAX, total: u32::MAX };
    let holder = Holder { attempt, replica, origin: None };
    let parking = Parking { id: id.clone(), held: Arc::new(held(&id)), holder, caps };
    let started = Instant::now();
    let trip = async {
        store.renew_lease().await?;
        store.listen(&id).await?;
        store.park(&parking).await?;
        let looked = store.look(&id).await?;
        store.detach(&id, attempt, Departure::HoldOver).await?;
        Ok(looked)
    };
    match trip.await.map_err(|error: crate::store::StoreError| error.to_string())? {
        Some(Approval { held, .. }) if *held == *parking.held => Ok(started.elapsed()),
        _ => Err("the record was not there as it was written".to_owned()),
    }
}

/// A call like a probe through the gateway, different from every other.
fn held(id: &ApprovalId) -> Held {
    let body = format!(r#"{{"nonce":"{id}"}}"#);
    let arguments = Json::read(body.as_bytes()).expect("an id needs no escape");
    let tool = Tool { name: probe::TOOL.to_owned(), arguments: arguments.clone() };
    let message = Message { method: "tools/call".to_owned(), id: None, params: arguments, tool: Some(tool) };
    let terms = probe::terms(&message, BOUND).expect("the reserved tool is a probe");
    let call = Call { caller: Caller::anonymous(), request: Request::default(), route: None, session: None };
    Held {
        fingerprint: Fingerprint::of(&call, &message, &terms),
        caller: call.caller,
        terms,
        method: message.method,
        tool: Some(probe::TOOL.to_owned()),
        body,
        request: HeldRequest::default(),
        route: None,
        session: None,
        trace: None,
        redacted: Redacted::default(),
    }
}

/// Nobody waits here.
struct Silent;

impl Bell for Silent {
    fn ring(&self, _: &ApprovalId) {}
    fn changed(&self, _: &ApprovalId) {}
    fn ring_all(&self) {}
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    /// What is not as it should be, of a Redis that should have two replicas.
    fn amiss(change: impl FnOnce(&mut Checkup)) -> Vec<(&'static str, Level)> {
        let mut checkup = Checkup {
            version: "7.4.2".to_owned(),
            unfit: None,
            persists: Some(true),
            replicas: 2,
            latency: Duration::from_millis(1),
            clock_apart: Duration::from_millis(1),
            user: Some("holdpoint".to_owned()),
        };
        change(&mut checkup);
        let found = of_checkup(&checkup, 2).into_iter().filter(|finding| finding.level != Level::Ok);
        found.map(|finding| (finding.about, finding.level)).collect()
    }

    #[test]
    fn each_thing_amiss_with_a_redis_is_named() {
        assert_eq!(amiss(|_| {}), []);
        assert_eq!(amiss(|c| c.unfit = Some("it evicts".to_owned())), [("redis.fit", Level::Failed)]);
        assert_eq!(amiss(|c| c.persists = Some(false)), [("redis.persistence", Level::Failed)]);
        assert_eq!(amiss(|c| c.persists = None), [("redis.persistence", Level::Unseen)]);
        assert_eq!(amiss(|c| c.replicas = 1), [("redis.replicas", Level::Failed)]);
        assert_eq!(amiss(|c| c.latency = SLOW * 2), [("redis.latency", Level::Warning)]);
        assert_eq!(amiss(|c| c.clock_apart = APART * 2), [("redis.clock", Level::Warning)]);
        assert_eq!(amiss(|c| c.user = Some("default".to_owned())), [("redis.user", Level::Warning)]);
    }
}
