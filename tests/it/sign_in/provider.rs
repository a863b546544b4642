//! A real provider, a real browser, and the built program on two replicas.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::browser::Browser;
use crate::support::eventually::eventually;
use crate::support::processes::{OidcProvider, RedisServer, Running, free_port, serve};

/// One replica, whose people sign in at a provider.
struct Replica {
    url: String,
    running: Running,
    _folder: TempDir,
}

impl Replica {
    async fn start(issuer: &str, port: u16, public: u16, redis: &RedisServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "the-secret-of-holdpoint\n").unwrap();
        let config = format!(
            "admin:\n  url: http://127.0.0.1:{public}\n  oidc:\n    name: Example\n    issuer: {issuer}\n    client_id: holdpoint\n    \
             client_secret_file: {}\n    scopes: [groups]\n    audiences: ['https://holdpoint.example']\n    \
             cli_client_id: holdpoint-cli\n  roles: {{ operator: [platform-admins] }}\n",
            secret.display()
        );
        let file = folder.path().join("holdpoint.yaml");
        std::fs::write(&file, config).unwrap();
        let (file, listen, redis) =
            (file.to_str().unwrap().to_owned(), format!("127.0.0.1:{port}"), redis.url());
        let args = [
            "--config",
            &file,
            "--ext-authz-listen",
            "127.0.0.1:0",
            "--admin-listen",
            &listen,
            "--redis-url",
            &redis,
        ];
        let running = serve(&[], &args);
        let url = format!("http://{listen}");
        eventually("the replica and its store to be up", async || {
            let ready: Value = reqwest::get(format!("{url}/readyz")).await.ok()?.json().await.ok()?;
            (ready["status"] == "ready").then_some(())
        })
        .await;
        Self { url, running, _folder: folder }
    }

    /// What this replica says to a session's cookie.
    async fn whoami(&self, session: &str) -> (u16, Value) {
        let request = reqwest::Client::new().get(format!("{}/v1/whoami", self.url)).header("cookie", session);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

struct Place {
    a: Replica,
    b: Replica,
    provider: OidcProvider,
    redis: RedisServer,
}

impl Place {
    /// Two replicas; the issuer sends everybody back to the second.
    async fn start() -> Self {
        let (first, second) = (free_port(), free_port());
        let provider = OidcProvider::start(&format!("http://127.0.0.1:{second}/login/callback")).await;
        let redis = RedisServer::start().await;
        let a = Replica::start(provider.issuer(), first, second, &redis).await;
        let b = Replica::start(provider.issuer(), second, second, &redis).await;
        Self { a, b, provider, redis }
    }
}

/// Signs in as this person on the provider's own pages.
async fn signs_in(browser: &Browser, name: &str) {
    browser.types("input[name=login]", name).await;
    browser.types("input[name=password]", "any").await;
    browser.clicks("button[type=submit]").await;
    browser.misses("input[name=login]").await;
}

async fn session(browser: &Browser) -> String {
    let cookie = browser.get_named_cookie("holdpoint").await.expect("a session");
    assert_eq!(cookie.http_only, Some(true));
    format!("holdpoint={}", cookie.value)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_with_a_browser_and_signs_out_on_all_replicas() {
    let mut place = Place::start().await;
    let browser = Browser::start().await;
    browser.opens(&format!("{}/?from=chat", place.a.url)).await;
    browser.reads("#sign-in", "Sign in with Example").await;
    for theme in ["dark", "light"] {
        browser
            .execute("document.documentElement.dataset.theme = arguments[0]", vec![json!(theme)])
            .await
            .unwrap();
        browser.keeps_wcag(theme).await;
    }
    browser.clicks("#sign-in").await;
    signs_in(&browser, "ana").await;
    // The provider asks whether the groups may be told.
    browser.clicks("button[type=submit]").await;
    browser.reads("header strong", "ana").await;
    let arrived = browser.current_url().await.unwrap();
    assert_eq!(arrived.as_str(), format!("{}/?from=chat", place.b.url), "the page that was wanted");

    let session = session(&browser).await;
    let ana = json!({"subject": "ana", "groups": ["dba", "platform-admins"], "roles": ["reviewer", "operator"],
        "proof": format!("oidc {}", place.provider.issuer())});
    for replica in [&place.a, &place.b] {
        assert_eq!(replica.whoami(&session).await, (200, ana.clone()));
    }
    let mut redis = place.redis.connection();
    let keys: Vec<String> = redis::cmd("KEYS").arg("holdpoint:session:*").query(&mut redis).unwrap();
    let record: String = redis::cmd("GET").arg(&keys[0]).query(&mut redis).unwrap();
    assert!(record.contains("ana") && !record.contains("eyJ"), "no token is kept: {record}");
    assert!(!keys[0].contains(session.trim_start_matches("holdpoint=")), "nor what the cookie holds");

    browser.clicks("form[action='/logout'] button").await;
    browser.sees("input[name=token]").await;
    for replica in [&place.a, &place.b] {
        assert_eq!(replica.whoami(&session).await.0, 401);
    }
    place.redis.stop();
    let (status, problem) = eventually("the store to be missed", async || {
        Some(place.a.whoami(&session).await).filter(|(status, _)| *status != 401)
    })
    .await;
    assert_eq!((status, &problem["type"]), (503, &json!("https://holdpoint.dev/problems/store-unavailable")));
    for replica in [&place.a, &place.b] {
        let log = replica.running.stderr();
        assert!(!log.contains("eyJ") && !log.contains("the-secret-of-holdpoint"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_brings_a_token_of_the_issuer_for_us_and_no_other() {
    let place = Place::start().await;
    let get = async |token: String| {
        reqwest::Client::new()
            .get(format!("{}/v1/whoami", place.a.url))
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
    };
    let known: Value =
        get(place.provider.token_of_a_script("https://holdpoint.example").await).await.json().await.unwrap();
    assert_eq!((&known["subject"], &known["groups"]), (&json!("deploy-bot"), &json!([])));
    let for_another = get(place.provider.token_of_a_script("https://other.example").await).await;
    assert_eq!(for_another.status(), 401);
    eventually("the reason to be logged", async || {
        place.a.running.stderr().contains("claim aud").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_on_the_command_line_and_makes_a_token() {
    let place = Place::start().await;
    let home = tempfile::tempdir().unwrap();
    let home_path = home.path().to_str().unwrap();
    let environment = [("HOLDPOINT_URL", place.a.url.as_str()), ("XDG_CONFIG_HOME", home_path)];
    let login = start(&environment, &["login"]);
    let page = eventually("the address to open", async || {
        let said = login.stderr();
        Some(said.split_once("Open ")?.1.split_once('\n')?.0.to_owned())
    })
    .await;
    let browser = Browser::start().await;
    browser.opens(&page).await;
    browser.clicks("button[type=submit]").await;
    signs_in(&browser, "ana").await;
    browser.clicks("button[type=submit]").await;
    eventually("the command to have the token", async || {
        login.stderr().contains("You are signed in").then_some(())
    })
    .await;

    let kept = home.path().join("holdpoint/tokens.json");
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&kept).unwrap().permissions()) & 0o777,
        0o600
    );
    let (code, who) = run(&environment, &["whoami"]).await;
    assert_eq!((code, who.as_str()), (0, whoami_of_ana(place.provider.issuer()).as_str()));
    let (code, token) =
        run(&environment, &["token", "new", "--subject", "ci", "--group", "dba", "--days", "1"]).await;
    assert!(code == 0 && token.starts_with("hpt_"), "{token}");
    let (code, listed) = run(&environment, &["token", "list"]).await;
    assert!(code == 0 && listed.contains("ci (reviewer; dba), made by ana"), "{listed}");

    let by_token = [
        ("HOLDPOINT_URL", place.b.url.as_str()),
        ("XDG_CONFIG_HOME", home_path),
        ("HOLDPOINT_TOKEN", token.trim()),
    ];
    let (code, who) = run(&by_token, &["whoami"]).await;
    assert!(code == 0 && who.starts_with("ci\n"), "the variable wins: {who}");
    assert_eq!(run(&by_token, &["token", "list"]).await.0, 4);
    let id = listed.split_whitespace().next().unwrap();
    assert_eq!(run(&environment, &["token", "revoke", id]).await.0, 0);
    assert_eq!(run(&by_token, &["whoami"]).await.0, 4);
    let elsewhere = [("HOLDPOINT_URL", place.b.url.as_str()), ("XDG_CONFIG_HOME", home_path)];
    assert_eq!(run(&elsewhere, &["whoami"]).await.0, 4, "no other service is sent the token");
}

fn whoami_of_ana(issuer: &str) -> String {
    format!("ana\n  groups  dba, platform-admins\n  roles   reviewer, operator\n  proof   oidc {issuer}\n")
}

/// Runs a command to its end; gives its exit code and what it printed to standard output.
async fn run(environment: &[(&str, &str)], args: &[&str]) -> (i32, String) {
    let output = crate::support::processes::command(environment, args).await;
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// A command that goes on running.
fn start(environment: &[(&str, &str)], args: &[&str]) -> Running {
    let environment = environment.iter().map(|(name, value)| format!("{name}={value}"));
    let command = [env!("CARGO_BIN_EXE_holdpoint")].iter().chain(args).map(ToString::to_string);
    Running::start(
        "holdpoint",
        Path::new("env"),
        ["-i".to_owned()].into_iter().chain(environment).chain(command),
    )
}
