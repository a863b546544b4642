//! `holdpoint login` at a real provider, which gives tokens that end so soon that each command renews them.

use std::path::Path;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::place::{Place, signs_in};
use crate::support::authority::Authority;
use crate::support::browser::Browser;
use crate::support::eventually::eventually;
use crate::support::processes::{Running, command};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_on_the_command_line_and_makes_a_token() {
    let place = Place::start().await;
    let home = tempfile::tempdir().unwrap();
    let home_path = home.path().to_str().unwrap();
    let environment = [("HOLDPOINT_URL", place.a.url.as_str()), ("XDG_CONFIG_HOME", home_path)];
    ana_logs_in(&environment).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_is_renewed_until_somebody_signs_out() {
    let place = Place::start().await;
    let home = tempfile::tempdir().unwrap();
    let home_path = home.path().to_str().unwrap();
    let environment = [("HOLDPOINT_URL", place.a.url.as_str()), ("XDG_CONFIG_HOME", home_path)];
    ana_logs_in(&environment).await;
    let kept = || {
        let text = std::fs::read_to_string(home.path().join("holdpoint/tokens.json")).unwrap();
        let kept: Value = serde_json::from_str(&text).unwrap();
        kept[&place.a.url].clone()
    };
    let refresh_token = || kept()["renewal"]["refresh_token"].as_str().unwrap().to_owned();
    let first = refresh_token();
    // Both want to renew it, and the provider ends a sign-in whose refresh token comes twice.
    let (one, two) = tokio::join!(run(&environment, &["whoami"]), run(&environment, &["whoami"]));
    assert_eq!((one.0, two.0), (0, 0));
    let second = refresh_token();
    assert_ne!(first, second);
    for file in ["tokens.json", "tokens.lock"] {
        let of = std::fs::metadata(home.path().join("holdpoint").join(file)).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&of.permissions()) & 0o777, 0o600, "{file}");
    }

    assert_eq!(run(&environment, &["logout"]).await.0, 0);
    assert!(kept().is_null());
    assert_eq!(run(&environment, &["whoami"]).await.0, 4);
    assert_eq!(place.provider.renews(&second).await, StatusCode::BAD_REQUEST, "it forgot the sign-in");
    assert_eq!(run(&environment, &["logout"]).await.0, 0, "nobody is signed in, as was wanted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_the_issuer_has_ended_is_forgotten() {
    let place = Place::start().await;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("holdpoint");
    std::fs::create_dir(&folder).unwrap();
    let ended = json!({"token": "eyJ", "expires_at": "2026-01-01T00:00:00Z", "renewal": {
        "refresh_token": "unknown", "client_id": "holdpoint-cli",
        "token_endpoint": format!("{}/token", place.provider.issuer()), "revocation_endpoint": null}});
    let kept = json!({ place.a.url.as_str(): ended }).to_string();
    std::fs::write(folder.join("tokens.json"), kept).unwrap();
    let environment =
        [("HOLDPOINT_URL", place.a.url.as_str()), ("XDG_CONFIG_HOME", home.path().to_str().unwrap())];
    let ended = command(&environment, &["whoami"]).await;
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(4));
    assert!(said.contains("cannot be renewed: the issuer says invalid_grant"), "{said}");
    assert!(said.contains("sign in with `holdpoint login`"), "{said}");
    assert_eq!(std::fs::read_to_string(folder.join("tokens.json")).unwrap(), "{}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_this_machine_believes_is_believed_by_the_command_line() {
    let authority = Authority::new();
    let place = Place::start_behind(&authority).await;
    let home = tempfile::tempdir().unwrap();
    let root = authority.folder().join("root");
    let environment = [
        ("HOLDPOINT_URL", place.a.url.as_str()),
        ("XDG_CONFIG_HOME", home.path().to_str().unwrap()),
        ("SSL_CERT_FILE", root.to_str().unwrap()),
    ];
    assert_eq!(run(&environment[..2], &["login"]).await.0, 6);
    ana_logs_in(&environment).await;
    assert_eq!(run(&environment, &["whoami"]).await.0, 0);
}

/// Signs in, and confirms the code in a browser.
async fn ana_logs_in(environment: &[(&str, &str)]) {
    let login = start(environment, &["login"]);
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
}

fn whoami_of_ana(issuer: &str) -> String {
    format!("ana\n  groups  dba, platform-admins\n  roles   reviewer, operator\n  proof   oidc {issuer}\n")
}

/// Runs a command to its end; gives its exit code and what it printed to standard output.
async fn run(environment: &[(&str, &str)], args: &[&str]) -> (i32, String) {
    let output = command(environment, args).await;
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
