//! Sessions and API tokens, in every store.

use std::sync::Arc;
use std::time::Duration;

use holdpoint::clock::SystemClock;
use holdpoint::domain::credential::{ApiToken, Person, Session, TokenDigest, Whose};
use holdpoint::domain::decision::{Membership, Role};
use holdpoint::domain::ids::{Group, ReplicaId, Subject};
use holdpoint::store::memory::MemoryIdentities;
use holdpoint::store::redis::{RedisStore, Settings};
use holdpoint::store::{ApprovalStore, Health, IdentityStore};
use jiff::Timestamp;

use super::stage::Rung;
use crate::support::eventually::eventually;
use crate::support::processes::RedisServer;

const HOUR: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(300);

/// Two ways to the same records, as two replicas have them.
struct Both {
    here: Arc<dyn IdentityStore>,
    there: Arc<dyn IdentityStore>,
    redis: Option<RedisServer>,
}

async fn memory() -> Both {
    let here = Arc::new(MemoryIdentities::new(Arc::new(SystemClock)));
    Both { there: here.clone(), here, redis: None }
}

async fn redis() -> Both {
    let server = RedisServer::start().await;
    let store = async || {
        let settings = Settings { url: server.url(), ..Settings::default() };
        let bell = Arc::new(Rung::default());
        let store = RedisStore::start(settings, ReplicaId::random(), Vec::new(), bell, HOUR).unwrap();
        eventually("the store is up", async || (store.health() == Health::Up).then_some(())).await;
        Arc::new(store)
    };
    Both { here: store().await, there: store().await, redis: Some(server) }
}

/// Makes a test of a behaviour for each store.
macro_rules! in_every_store {
    ($($behaviour:ident)*) => {$(
        mod $behaviour {
            #[tokio::test]
            async fn memory() {
                super::behaviours::$behaviour(super::memory().await).await;
            }

            #[tokio::test]
            async fn redis() {
                super::behaviours::$behaviour(super::redis().await).await;
            }
        }
    )*};
}

in_every_store! {
    a_session_is_known_everywhere_until_it_is_ended
    a_session_that_nobody_uses_ends
    a_session_ends_at_its_end_however_much_it_is_used
    a_token_is_known_everywhere_until_it_is_revoked
    a_token_ends
}

fn digest(secret: &str) -> TokenDigest {
    TokenDigest::of(secret)
}

/// A session of a person of group `dba`.
pub fn session(lasts: Duration) -> Session {
    let person = Person {
        subject: Subject("ana".into()),
        groups: Membership::Groups(vec![Group("dba".into())]),
        proof: "oidc https://issuer".into(),
    };
    Session { whose: Whose::Person(person), ends_at: Timestamp::now() + lasts }
}

/// A token with this secret.
pub fn token(secret: &str, lasts: Duration) -> ApiToken {
    let now = Timestamp::now();
    ApiToken {
        digest: digest(secret),
        subject: Subject("ci".into()),
        groups: Membership::All,
        roles: [Role::Reviewer, Role::Auditor].into_iter().collect(),
        created_by: Subject("ana".into()),
        created_at: now,
        expires_at: now + lasts,
    }
}

mod behaviours {
    use super::*;

    pub async fn a_session_is_known_everywhere_until_it_is_ended(both: Both) {
        let (one, other) = (session(HOUR), Session { whose: Whose::Token(digest("t")), ..session(HOUR) });
        both.here.open_session(&digest("a"), &one, HOUR).await.unwrap();
        both.here.open_session(&digest("b"), &other, HOUR).await.unwrap();
        assert_eq!(both.there.session(&digest("a"), HOUR).await.unwrap(), Some(one));
        assert_eq!(both.there.session(&digest("b"), HOUR).await.unwrap(), Some(other));
        assert_eq!(both.there.session(&digest("c"), HOUR).await.unwrap(), None);
        both.there.end_session(&digest("a")).await.unwrap();
        both.there.end_session(&digest("a")).await.unwrap();
        assert_eq!(both.here.session(&digest("a"), HOUR).await.unwrap(), None);
        assert!(both.here.session(&digest("b"), HOUR).await.unwrap().is_some());
    }

    pub async fn a_session_that_nobody_uses_ends(both: Both) {
        let (used, unused, seen) = (digest("used"), digest("unused"), digest("seen"));
        for secret in [&used, &unused, &seen] {
            both.here.open_session(secret, &session(HOUR), SOON).await.unwrap();
        }
        both.there.session(&used, HOUR).await.unwrap().expect("it was used in time");
        // To see whether it is still there is no use of it.
        eventually("its time to pass", async || {
            both.there.peek_session(&seen).await.unwrap().is_none().then_some(())
        })
        .await;
        assert!(both.there.peek_session(&used).await.unwrap().is_some());
        assert_eq!(both.there.session(&unused, HOUR).await.unwrap(), None);
        assert!(both.here.session(&used, HOUR).await.unwrap().is_some());
    }

    pub async fn a_session_ends_at_its_end_however_much_it_is_used(both: Both) {
        both.here.open_session(&digest("a"), &session(SOON), HOUR).await.unwrap();
        assert!(both.there.session(&digest("a"), HOUR).await.unwrap().is_some());
        eventually("it to end", async || {
            both.there.session(&digest("a"), HOUR).await.unwrap().is_none().then_some(())
        })
        .await;
        assert_eq!(both.there.peek_session(&digest("a")).await.unwrap(), None);
        both.here.open_session(&digest("b"), &session(Duration::ZERO), HOUR).await.unwrap();
        assert_eq!(both.here.session(&digest("b"), HOUR).await.unwrap(), None);
        if let Some(server) = &both.redis {
            let left: Vec<String> =
                redis::cmd("KEYS").arg("*:session:*").query(&mut server.connection()).unwrap();
            assert_eq!(left, Vec::<String>::new(), "Redis forgets them by itself");
        }
    }

    pub async fn a_token_is_known_everywhere_until_it_is_revoked(both: Both) {
        let (one, other) = (token("one", HOUR), token("other", HOUR));
        both.here.add_token(&one).await.unwrap();
        both.here.add_token(&other).await.unwrap();
        assert_eq!(both.there.token(&one.digest).await.unwrap(), Some(one.clone()));
        assert_eq!(both.there.tokens().await.unwrap(), [one.clone(), other.clone()]);
        assert!(both.there.revoke_token(&one.digest).await.unwrap());
        assert!(!both.there.revoke_token(&one.digest).await.unwrap());
        assert_eq!(both.here.token(&one.digest).await.unwrap(), None);
        assert_eq!(both.here.tokens().await.unwrap(), [other]);
    }

    pub async fn a_token_ends(both: Both) {
        let soon = token("soon", SOON);
        both.here.add_token(&soon).await.unwrap();
        assert!(both.there.token(&soon.digest).await.unwrap().is_some());
        eventually("it to end", async || {
            both.there.token(&soon.digest).await.unwrap().is_none().then_some(())
        })
        .await;
        assert_eq!(both.there.tokens().await.unwrap(), []);
    }
}

#[tokio::test]
async fn what_cannot_be_read_lets_nobody_in() {
    let both = redis().await;
    let mut server = both.redis.as_ref().unwrap().connection();
    for record in [
        "",
        "{}",
        r#"{"v":2,"ends_at":"2999-01-01T00:00:00Z","whose":{"person":{"subject":"a","groups":"all","proof":""}}}"#,
        r#"{"v":1,"ends_at":"2999-01-01T00:00:00Z","whose":{"person":{"subject":"a","proof":""}}}"#,
    ] {
        let key = format!("holdpoint:session:{}", digest("a"));
        let () = redis::cmd("SET").arg(key).arg(record).query(&mut server).unwrap();
        assert_eq!(both.here.session(&digest("a"), HOUR).await.unwrap(), None, "{record}");
        let hset =
            redis::cmd("HSET").arg("holdpoint:tokens").arg(digest("a").to_string()).arg(record).to_owned();
        let () = hset.query(&mut server).unwrap();
        assert_eq!(both.here.token(&digest("a")).await.unwrap(), None, "{record}");
        assert_eq!(both.here.tokens().await.unwrap(), [], "{record}");
    }
}
