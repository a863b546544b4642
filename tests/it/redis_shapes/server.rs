//! One server: TLS, a user with little leave, and a server that hangs.

use std::time::{Duration, Instant};

use holdpoint::store::redis::InvalidSettings;

use super::*;
use crate::support::redis_topologies::Server;

/// What the documentation tells operators to grant.
pub(super) fn documented_leave() -> impl Iterator<Item = &'static str> {
    let line = include_str!("../../../docs/redis.md")
        .lines()
        .find_map(|l| l.strip_prefix("user holdpoint on >SECRET "));
    line.expect("the line of the ACL").split_whitespace()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_the_documented_leave_can_do_everything_and_little_else() {
    let redis = Server::start(&[]).await;
    let rules: Vec<&str> =
        ["ACL", "SETUSER", "holdpoint", "on", ">p@ss/word"].into_iter().chain(documented_leave()).collect();
    redis.ask::<()>(&rules);
    let login = redis.url().replace("//", "//holdpoint:p%40ss%2Fword@");
    the_essentials(Settings { url: login.clone(), ..Settings::default() }).await;
    let refused: Vec<String> = redis.ask::<Vec<_>>(&["ACL", "LOG"]).into_iter().flat_map(denied).collect();
    assert_eq!(refused, ["config|get"], "asking about snapshots is tried, and not needed");

    let mut user = redis::Client::open(login).unwrap().get_connection().unwrap();
    for words in ["FLUSHALL", "KEYS *", "CONFIG SET maxmemory 1", "GET other", "SHUTDOWN NOSAVE"] {
        let words: Vec<&str> = words.split(' ').collect();
        let answer = redis::cmd(words[0]).arg(&words[1..]).query::<redis::Value>(&mut user);
        assert_eq!(answer.unwrap_err().code(), Some("NOPERM"), "{words:?}");
    }
}

/// What an entry of the ACL log says was denied.
pub(super) fn denied(entry: std::collections::HashMap<String, redis::Value>) -> Option<String> {
    redis::from_redis_value_ref(entry.get("object")?).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_spoken_to_a_server_of_the_configured_authority_only() {
    let authority = Arc::new(Authority::new());
    let redis = Server::start_with_tls(&authority, &["--tls-auth-clients", "no"]).await;
    let settings = Settings {
        url: format!("rediss://localhost:{}", redis.port),
        ca: Some(authority.root.clone().into_bytes()),
        ..Settings::default()
    };
    the_essentials(settings.clone()).await;

    for ca in [Some(Authority::new().root.into_bytes()), None] {
        is_down_because_of(&Replica::of(Settings { ca, ..settings.clone() }), "certificate").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_asks_who_connects_is_shown_a_certificate() {
    let authority = Arc::new(Authority::new());
    let redis = Server::start_with_tls(&authority, &[]).await;
    let settings = with_tls(redis.url(), &authority);
    let here = Replica::up(settings.clone()).await;
    here.hears_and_is_released(&here, &here.listen_and_park("default").await).await;

    let nobody = Replica::of(Settings { client: None, ..settings.clone() });
    is_down_because_of(&nobody, "certificate").await;
    let stranger = with_tls(redis.url(), &Authority::new());
    is_down_because_of(&Replica::of(Settings { client: stranger.client, ..settings }), "alert").await;
}

#[tokio::test]
async fn urls_that_cannot_work_are_refused() {
    let refused = |url: &str, ca: Option<&str>| {
        let ca = ca.map(|text| text.as_bytes().to_vec());
        let settings = Settings { url: url.into(), ca, ..Settings::default() };
        let rung = Arc::new(Rung::default());
        RedisStore::start(settings, ReplicaId::random(), queues(), rung, Duration::ZERO).err()
    };
    for url in [
        "redis+sentinel://h1,h2",
        "redis+cluster://h1,h2/1",
        "redis+other://h",
        "h:6379",
        "rediss://h/#insecure",
        "redis+sentinel://h/?sentinel_login=:p",
        "redis+sentinel://h/main?other=:p",
        "redis+sentinel://h/main?sentinel_login=p",
        "redis+sentinel://h/main?sentinel_login=u:80/p",
    ] {
        assert!(matches!(refused(url, None), Some(InvalidSettings::Url(_))), "{url}");
    }
    for (url, ca) in [("rediss://h", "no PEM"), ("redis://h", &Authority::new().root)] {
        assert!(matches!(refused(url, Some(ca)), Some(InvalidSettings::Certificates(_))), "{url}");
    }
    let waiting = Settings { wait_replicas: 1, wait_timeout: Duration::from_secs(1), ..Settings::default() };
    let rung = Arc::new(Rung::default());
    let refused = RedisStore::start(waiting, ReplicaId::random(), queues(), rung, Duration::ZERO).err();
    assert!(matches!(refused, Some(InvalidSettings::WaitTimeout)));
}

#[tokio::test]
async fn a_frozen_server_is_noticed_in_time_and_rings_again_when_it_thaws() {
    let redis = Server::start(&[]).await;
    let (here, there) = (Replica::at(redis.url()).await, Replica::at(redis.url()).await);
    let parked = here.listen_and_park("default").await;
    redis.freeze();
    let frozen = Instant::now();
    here.until_down().await;
    assert!(frozen.elapsed() < Duration::from_secs(10), "it took {:?}", frozen.elapsed());
    redis.thaw();
    here.until_up().await;
    there.until_up().await;
    here.hears_and_is_released(&there, &parked).await;
}

#[tokio::test]
async fn a_subscriber_that_redis_throws_out_for_its_output_subscribes_again() {
    let redis = Server::start(&[]).await;
    let (here, there) = (Replica::at(redis.url()).await, Replica::at(redis.url()).await);
    let parked = here.listen_and_park("default").await;
    let all = here.rung.all();
    // Any message is too much now.
    redis.ask::<()>(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 1 1 1"]);
    let big = "x".repeat(1 << 20);
    until("the subscriber is thrown out", async || {
        let _: redis::RedisResult<i64> = redis.try_ask(&["PUBLISH", "holdpoint:{default}:changes", &big]);
        here.rung.all() > all
    })
    .await;
    redis.ask::<()>(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0"]);
    here.until_up().await;
    until("the other is up", async || there.store.look(&parked.id).await.is_ok()).await;
    here.hears_and_is_released(&there, &parked).await;
}
