//! `holdpoint doctor` names what is wrong, of the gate above all.

use std::process::Output;

use serde_json::{Value, json};

use crate::support::eventually::eventually;
use crate::support::otlp::Receiver;
use crate::support::processes::{
    Envoy, Holdpoint, OidcProvider, OpsTools, PartialBodies, RedisServer, TOKEN, command, free_port,
};
use crate::support::world::World;

/// What the doctor found.
#[derive(Debug)]
struct Report {
    code: Option<i32>,
    json: Value,
}

impl Report {
    /// Those that are not as they should be.
    fn failed(&self) -> Vec<&str> {
        let findings = self.json["findings"].as_array().expect("a list");
        let failed = findings.iter().filter(|finding| finding["level"] == "failed");
        failed.map(|finding| finding["about"].as_str().unwrap()).collect()
    }

    fn said(&self, about: &str) -> &str {
        let findings = self.json["findings"].as_array().expect("a list");
        let finding = findings.iter().find(|finding| finding["about"] == about);
        finding.unwrap_or_else(|| panic!("nothing about {about}: {self:?}"))["said"].as_str().unwrap()
    }
}

/// Runs the doctor against this replica, with these options beside.
async fn doctor(replica: &str, options: &[&str]) -> Report {
    doctor_told(&[], replica, options).await
}

/// The same with these variables in its environment.
async fn doctor_told(environment: &[(&str, &str)], replica: &str, options: &[&str]) -> Report {
    let args = [&["doctor", "--json", "--url", replica], options].concat();
    let environment = [&[("HOLDPOINT_TOKEN", TOKEN)], environment].concat();
    let Output { status, stdout, stderr } = command(&environment, &args).await;
    let stdout = String::from_utf8(stdout).unwrap();
    let json: Value = serde_json::from_str(&stdout)
        .unwrap_or_else(|_| panic!("no report: {stdout}{}", String::from_utf8_lossy(&stderr)));
    let healthy = json["healthy"].as_bool().unwrap();
    assert_eq!(status.code(), Some(if healthy { 0 } else { 1 }), "{json}");
    Report { code: status.code(), json }
}

/// A gateway whose configuration was changed, before one replica.
struct Changed {
    replica: Holdpoint,
    ops_tools: OpsTools,
    configuration: String,
}

impl Changed {
    async fn start(config: &str) -> Self {
        let (replica, ops_tools) = tokio::join!(Holdpoint::start(config, None), OpsTools::start());
        let ports = [replica.check_port(), replica.check_port()];
        let configuration = Envoy::configuration(ports, &ops_tools, PartialBodies::Refused);
        Self { replica, ops_tools, configuration }
    }

    /// What the doctor finds with these changes.
    async fn found(&self, changes: &[(&str, &str)], options: &[&str]) -> Report {
        let changed = changes.iter().fold(self.configuration.clone(), |text, (from, to)| {
            assert!(text.contains(from), "{from} is not in the configuration");
            text.replace(from, to)
        });
        let envoy = Envoy::with(&changed).await;
        let url = envoy.url("/privileged/mcp");
        let report =
            doctor(self.replica.admin(), &[&["--gateway", &url, "--hold", "2s"], options].concat()).await;
        assert_eq!(self.ops_tools.state().await["audit"], json!([]), "no probe runs a tool");
        report
    }
}

#[tokio::test]
async fn a_healthy_site_is_found_healthy_down_to_the_gateways_settings() {
    let world = World::with(RedisServer::persistent().await, "").await;
    eventually("the canary of replica b", async || {
        (world.b.reviewer().ready().await["canary"]["status"] == "ok").then_some(())
    })
    .await;
    let url = world.envoy.url("/privileged/mcp");
    let envoy = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/envoy.yaml");
    let redis = world.redis.url();
    let options = ["--gateway", &url, "--hold", "1s", "--gateway-config", envoy, "--redis-url", &redis];
    let report = doctor(world.b.admin(), &options).await;
    assert_eq!(report.failed(), Vec::<&str>::new(), "{report:?}");
    assert_eq!(report.code, Some(0));
    for about in ["service.ready", "service.canary", "redis.fit", "redis.persistence", "store.round_trip"] {
        assert_ne!(report.said(about), "");
    }
    assert!(report.said("gate.parks").starts_with("a probe was parked and refused after 1"), "{report:?}");
    assert!(report.said("gate.seen").contains("shows the probe"), "{report:?}");
    assert!(report.said("gate.truncated").contains("is refused"), "{report:?}");
    assert_eq!(report.said("gate.route"), r#"the route is "privileged""#);
    assert_eq!(world.ops_tools.state().await["audit"], json!([]));
}

#[tokio::test]
async fn settings_that_cut_held_calls_are_named() {
    let site = Changed::start("").await;
    let cut = site.found(&[("idle_timeout: 7300s", "idle_timeout: 1s")], &[]).await;
    assert_eq!(cut.failed(), ["gate.parks"]);
    assert!(cut.said("gate.parks").contains("cut the held call after 1"), "{cut:?}");
    assert!(cut.said("gate.parks").contains("idle_timeout"), "{cut:?}");

    let hasty = site.found(&[("timeout: 7205s", "timeout: 1.5s")], &[]).await;
    assert_eq!(hasty.failed(), ["gate.deadline"]);
    assert!(hasty.said("gate.deadline").contains("gives up on a Check after 1.5s"), "{hasty:?}");
    assert!(hasty.said("gate.deadline").contains("grpc_service.timeout"), "{hasty:?}");
}

#[tokio::test]
async fn settings_that_change_bodies_are_named() {
    let site = Changed::start("").await;
    let partial = site.found(&[("allow_partial_message: false", "allow_partial_message: true")], &[]).await;
    assert_eq!(partial.failed(), ["gate.oversized"]);
    assert!(partial.said("gate.oversized").contains("allow_partial_message"), "{partial:?}");

    let none = site.found(&[("max_request_bytes: 65536", "max_request_bytes: 1")], &[]).await;
    assert_eq!(none.failed(), ["gate.parks"]);
    assert!(none.said("gate.parks").contains("includeRequestBody.maxRequestBytes"), "{none:?}");

    let decoded = site.found(&[("pack_as_bytes: true", "pack_as_bytes: false")], &[]).await;
    assert_eq!(decoded.failed(), ["gate.exact_bytes"]);
    assert!(decoded.said("gate.exact_bytes").contains("pack_as_bytes"), "{decoded:?}");
}

#[tokio::test]
async fn what_cannot_be_seen_from_outside_is_said_and_read_in_the_gateways_configuration() {
    let site = Changed::start("").await;
    let open = [("failure_mode_allow: false", "failure_mode_allow: true"), ("retry_policy:", "retries_not:")];
    let unseen = site.found(&open[..1], &[]).await;
    assert_eq!(unseen.failed(), Vec::<&str>::new());
    assert!(unseen.said("gateway.failure").contains("cannot be seen from outside"), "{unseen:?}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("envoy.yaml");
    let text = open.iter().fold(site.configuration.clone(), |text, (from, to)| text.replace(from, to));
    std::fs::write(&file, text).unwrap();
    let read = site.found(&[], &["--gateway-config", file.to_str().unwrap()]).await;
    assert_eq!(read.failed(), ["envoy.failure", "envoy.retry"]);
}

#[tokio::test]
async fn a_gate_without_its_service_is_found_open_or_closed() {
    let site = Changed::start("").await;
    let (gone, there) =
        (format!("port_value: {}", free_port()), format!("port_value: {}", site.replica.check_port()));
    let closed = site.found(&[(&there, &gone)], &[]).await;
    assert_eq!(closed.failed(), ["gate.parks"]);
    assert!(closed.said("gate.parks").contains("refused after"), "{closed:?}");
    assert!(closed.said("gate.parks").contains("503 by itself"), "{closed:?}");
    assert!(closed.said("gate.parks").contains("extAuthz.policies.http.requestTimeout"), "{closed:?}");

    let open = [(there.as_str(), gone.as_str()), ("failure_mode_allow: false", "failure_mode_allow: true")];
    let open = site.found(&open, &[]).await;
    assert!(open.failed().contains(&"gate.parks"), "{open:?}");
    assert!(open.said("gate.parks").starts_with("THE GATE IS OPEN"), "{open:?}");
    assert!(open.said("gate.not_json").contains("FORWARDED"), "{open:?}");
}

#[tokio::test]
async fn a_redis_that_would_lose_approvals_is_named() {
    let (forgetful, replica) = tokio::join!(RedisServer::start(), Holdpoint::start("", None));
    let report = doctor(replica.admin(), &["--redis-url", &forgetful.url()]).await;
    assert_eq!(report.failed(), ["redis.persistence"]);
    assert!(report.said("service.ready").contains("live in this one process"), "{report:?}");

    let evicting = RedisServer::persistent().await;
    let set = ["SET", "maxmemory-policy", "allkeys-lru", "maxmemory", "100mb"];
    let _: () = redis::cmd("CONFIG").arg(&set).query(&mut evicting.connection()).expect("a setting");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("holdpoint.yaml");
    std::fs::write(&file, format!("redis: {{ url: '{}', wait_replicas: 1 }}", evicting.url())).unwrap();
    let report = doctor(replica.admin(), &["--config", file.to_str().unwrap()]).await;
    assert_eq!(report.failed(), ["redis.fit", "redis.replicas", "store.round_trip"]);
    assert!(report.said("redis.fit").contains("maxmemory-policy"), "{report:?}");

    let nobody = format!("redis://127.0.0.1:{}", free_port());
    let report = doctor(replica.admin(), &["--redis-url", &nobody]).await;
    assert_eq!(report.failed(), ["redis.reachable"]);
}

#[tokio::test]
async fn a_redis_user_that_lacks_leave_is_named() {
    let (redis, replica) = tokio::join!(RedisServer::persistent(), Holdpoint::start("", None));
    let (user, url) = ("reader", format!("redis://reader:secret@127.0.0.1:{}", redis.port()));
    let leave = ["on", ">secret", "~*", "&*", "+@read", "+@connection", "+info", "+time"];
    let _: () = redis::cmd("ACL")
        .arg("SETUSER")
        .arg(user)
        .arg(&leave)
        .query(&mut redis.connection())
        .expect("a user");
    let report = doctor(replica.admin(), &["--redis-url", &url]).await;
    assert_eq!(report.failed(), ["store.round_trip"], "{report:?}");
    assert!(report.said("store.round_trip").contains("docs/redis.md"), "{report:?}");
}

#[tokio::test]
async fn an_issuer_that_people_cannot_be_sent_to_is_named() {
    let (issuer, replica) =
        tokio::join!(OidcProvider::start("http://127.0.0.1:1/login/callback"), Holdpoint::start("", None));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("holdpoint.yaml");
    let found = async |issuer: &str, more: &str| {
        let oidc = format!("{{ issuer: '{issuer}', client_id: holdpoint{more} }}");
        std::fs::write(&file, format!("admin: {{ url: 'http://127.0.0.1:1', oidc: {oidc} }}")).unwrap();
        doctor(replica.admin(), &["--config", file.to_str().unwrap()]).await
    };
    let right = found(issuer.issuer(), "").await;
    assert_eq!(right.failed(), Vec::<&str>::new());
    assert!(right.said("oidc.issuer").ends_with("answers and has keys"), "{right:?}");

    let other = format!("{}/", issuer.issuer());
    let misspelt = found(&other, "").await;
    assert!(misspelt.said("oidc.issuer").contains("it calls itself"), "{misspelt:?}");
    let away = found(&format!("http://127.0.0.1:{}", free_port()), "").await;
    assert!(away.said("oidc.issuer").contains("Nobody can sign in there"), "{away:?}");
    let secretless = found(issuer.issuer(), ", client_secret_file: /nowhere").await;
    assert!(secretless.said("oidc.issuer").contains("/nowhere: No such file"), "{secretless:?}");
    for report in [misspelt, away, secretless] {
        assert_eq!(report.failed(), ["oidc.issuer"]);
    }
}

#[tokio::test]
async fn a_collector_that_takes_nothing_is_named() {
    let (receiver, replica) = tokio::join!(Receiver::start(), Holdpoint::start("", None));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("holdpoint.yaml");
    std::fs::write(&file, "").unwrap();
    let options = ["--config", file.to_str().unwrap()];
    let found = async |endpoint: &str| {
        doctor_told(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)], replica.admin(), &options).await
    };
    let right = found(&receiver.url()).await;
    assert_eq!(right.failed(), Vec::<&str>::new());
    assert_eq!(right.said("otlp.export"), "the collector takes traces");
    assert_eq!(receiver.spans().len(), 0);

    // Something listens there, and it is no collector.
    let wrong = found(replica.admin()).await;
    assert_eq!(wrong.failed(), ["otlp.export", "otlp.export"]);
    assert!(wrong.said("otlp.export").contains("takes no traces"), "{wrong:?}");
    let away = found(&format!("http://127.0.0.1:{}", free_port())).await;
    assert_eq!(away.failed(), ["otlp.export", "otlp.export"]);
}

#[tokio::test]
async fn a_service_that_is_away_is_named_with_what_to_do() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let report = doctor(&url, &[]).await;
    assert_eq!(report.failed(), ["service.ready"]);
    assert!(report.said("service.ready").contains("is `holdpoint serve` running?"), "{report:?}");
}

#[tokio::test]
async fn no_reviewer_sees_a_probe_among_the_calls_or_can_approve_it() {
    let world = World::start("").await;
    let reviewer = world.b.reviewer();
    let arguments = json!({ "hold_ms": 50_000 });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "holdpoint.probe", "arguments": arguments } });
    let probe = tokio::spawn(world.post(call.to_string()).header("content-type", "application/json").send());
    let id = eventually("the probe to be parked", async || {
        let listed = reviewer.get("/v1/approvals?queue=holdpoint-probe").await.json::<Value>().await.unwrap();
        let approvals = listed["approvals"].as_array().expect("a list").clone();
        let probe =
            approvals.iter().find(|approval| approval["call"]["body"].to_string().contains("50000"))?;
        Some(probe["id"].as_str().unwrap().to_owned())
    })
    .await;
    assert_eq!(reviewer.pending().await, Vec::<Value>::new());
    let decided = reviewer.decide(&id, json!({ "approved": true })).await;
    assert_eq!(decided.status(), 403);
    assert!(!probe.is_finished());
    probe.abort();
    assert_eq!(world.ops_tools.state().await["audit"], json!([]));
}
