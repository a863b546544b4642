//! `holdpoint serve` starts only where that is safe, and says why not.

use std::process::Output;

use crate::support::eventually::eventually;
use crate::support::processes::{TOKEN, command, serve};

const ANY_PORTS: [&str; 4] = ["--ext-authz-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];

/// What it says when it refuses to start.
async fn refusal(environment: &[(&str, &str)], args: &[&str]) -> String {
    let Output { status, stdout, stderr } = command(environment, &[&["serve"], args].concat()).await;
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert_eq!(String::from_utf8(stdout).unwrap(), "");
    let (_, refusal) = said.split_once("holdpoint: ").unwrap_or_else(|| panic!("no refusal in: {said}"));
    refusal.to_owned()
}

#[tokio::test]
async fn others_are_not_let_in_unless_somebody_has_to_prove_who_they_are() {
    let open = ["--ext-authz-listen", "127.0.0.1:0", "--admin-listen", "0.0.0.0:0"];
    let said = refusal(&[], &open).await;
    assert!(said.contains("0.0.0.0:0 is not a loopback address"), "{said}");
    for way in ["admin.reviewers", "HOLDPOINT_TOKEN", "--insecure-no-auth"] {
        assert!(said.contains(way), "{said}");
    }
    let said = refusal(&[("HOLDPOINT_TOKEN", "short")], &open).await;
    assert!(said.contains("HOLDPOINT_TOKEN is too short"), "{said}");
    let said = refusal(&[("HOLDPOINT_TOKEN", TOKEN)], &[&open[..], &["--insecure-no-auth"]].concat()).await;
    assert!(said.contains("cannot be configured with it"), "{said}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let any = "127.0.0.1:0";
    for (gate, admin, whom) in [(&*address, any, "gateways"), (any, &*address, "reviewers")] {
        let said = refusal(&[], &["--ext-authz-listen", gate, "--admin-listen", admin]).await;
        assert!(
            said.contains(&format!("cannot listen on {address} for {whom}: Address already in use")),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_broken_configuration_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("holdpoint.yaml");
    let name = file.to_str().unwrap();
    let rule = "policy:\n  rules:\n  - name: all\n    match: mcp.tool.name ==\n    ruling: hold\n";
    for (config, line, why) in [
        ("policy:\n  defaults: { hold: 50 parsecs }\n", 2, "50 parsecs"),
        ("policy: {}\npolice: {}\n", 2, "police"),
        (rule, 4, "rule \"all\""),
    ] {
        std::fs::write(&file, config).unwrap();
        let said = refusal(&[], &["--config", name]).await;
        assert!(said.contains(name), "{said}");
        assert!(said.contains(&format!("{line}:")) || said.contains(&format!("line {line}")), "{said}");
        assert!(said.contains(why), "{said}");
    }
    let said = refusal(&[], &["--config", "/nowhere.yaml"]).await;
    assert!(said.contains("/nowhere.yaml: No such file"), "{said}");
}

#[tokio::test]
async fn who_lets_everybody_in_is_warned_and_everybody_is_in() {
    let open = serve(&[], &[&ANY_PORTS[..], &["--insecure-no-auth"]].concat());
    let admin = eventually("the replica to listen", async || {
        Some(open.stdout().strip_prefix("Decide at ")?.split_once("/\n")?.0.to_owned())
    })
    .await;
    eventually("the warning", async || {
        open.stderr().contains("everybody who can connect can approve calls").then_some(())
    })
    .await;
    assert_eq!(reqwest::get(format!("{admin}/pending")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn out_of_the_box_a_token_is_made_up_and_only_its_url_lets_in() {
    let boxed = serve(&[], &ANY_PORTS);
    let url = eventually("the replica to listen", async || {
        Some(boxed.stdout().strip_prefix("Decide at ")?.split_once('\n')?.0.to_owned())
    })
    .await;
    let (admin, token) = url.split_once("/?token=").unwrap();
    assert_eq!(token.len(), 32);
    assert_eq!(reqwest::get(format!("{admin}/pending")).await.unwrap().status(), 401);
    let asked = reqwest::Client::new().get(format!("{admin}/pending")).bearer_auth(token).send().await;
    assert_eq!(asked.unwrap().status(), 200);
    assert!(!boxed.stderr().contains(token), "a token does not belong into a log");
    assert!(!boxed.stderr().contains('\x1b'), "colours belong on a terminal only: {}", boxed.stderr());
}
