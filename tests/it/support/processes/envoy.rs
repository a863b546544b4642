//! A real Envoy in front of ops-tools.

use std::{fs, path::Path};

use serde_json::Value;

use super::{OpsTools, Running, installed, source};
use crate::support::eventually::eventually;

/// Whether the gateway sends bodies that it cut short.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PartialBodies {
    /// Too large is refused by the gateway, as it should be.
    Refused,
    /// The misconfiguration that Holdpoint has to survive.
    Sent,
}

/// An Envoy that asks the first replica about `/privileged/mcp`, and the second while the first is down.
pub struct Envoy {
    url: String,
    running: Running,
}

impl Envoy {
    /// Starts the gateway on a free port and waits until it listens; `replicas` are ext_authz ports.
    pub async fn start(replicas: [u16; 2], ops_tools: &OpsTools, partial: PartialBodies) -> Self {
        Self::with(&Self::configuration(replicas, ops_tools, partial)).await
    }

    /// The configuration that [`Envoy::start`] starts with.
    pub fn configuration(replicas: [u16; 2], ops_tools: &OpsTools, partial: PartialBodies) -> String {
        configuration(replicas, ops_tools.port(), partial)
    }

    /// The same with a tracer, which sends its spans to this port by OTLP.
    pub async fn traced(replicas: [u16; 2], ops_tools: &OpsTools, receiver: u16) -> Self {
        let untraced = configuration(replicas, ops_tools.port(), PartialBodies::Refused);
        Self::with(&with_tracer(&untraced, receiver)).await
    }

    /// Starts a gateway with a configuration of one's own.
    pub async fn with(configuration: &str) -> Self {
        let flags = "--concurrency 1 --disable-hot-restart --file-flush-interval-msec 50 --log-level warning";
        let settings = ["--admin-address-path", "admin", "--config-yaml", configuration];
        let running = Running::start("envoy", &installed("bin/envoy"), flags.split(' ').chain(settings));
        let admin = running.home().join("admin");
        let url = eventually("envoy to listen", async || listener(&admin).await).await;
        Self { url, running }
    }

    /// The gateway's URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Its access log so far, a JSON object a request.
    pub fn access_log(&self) -> Vec<Value> {
        self.running.stdout().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

fn configuration([a, b]: [u16; 2], upstream: u16, partial: PartialBodies) -> String {
    let template = fs::read_to_string(source("envoy.yaml")).expect("the template is there");
    template
        .replace("@LISTEN@", "0")
        .replace("@AUTHZ_A@", &a.to_string())
        .replace("@AUTHZ_B@", &b.to_string())
        .replace("@UPSTREAM@", &upstream.to_string())
        .replace("@PARTIAL@", &(partial == PartialBodies::Sent).to_string())
}

/// The gateway is the service `gateway`; it sends its spans soon and not every 5 s.
fn with_tracer(configuration: &str, receiver: u16) -> String {
    let tracing = r#"stat_prefix: ingress
          tracing:
            provider:
              name: envoy.tracers.opentelemetry
              typed_config:
                "@type": type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig
                grpc_service: { envoy_grpc: { cluster_name: receiver }, timeout: 1s }
                service_name: gateway"#;
    let cluster = format!(
        r#"
  clusters:
  - name: receiver
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{ http2_protocol_options: {{}} }}
    load_assignment:
      cluster_name: receiver
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {receiver} }} }} }}"#
    );
    let soon = "layered_runtime: { layers: [ { name: soon, static_layer: { tracing.opentelemetry.flush_interval_ms: 100 } } ] }";
    let traced = configuration.replace("stat_prefix: ingress", tracing).replace("\n  clusters:", &cluster);
    format!("{traced}\n{soon}\n")
}

/// The URL it listens on, once it is ready: its admin side knows the port that it was given.
async fn listener(admin: &Path) -> Option<String> {
    let admin = fs::read_to_string(admin).ok()?;
    let ready = reqwest::get(format!("http://{admin}/ready")).await.ok()?;
    if !ready.status().is_success() {
        return None;
    }
    let listeners = reqwest::get(format!("http://{admin}/listeners")).await.ok()?.text().await.ok()?;
    let address = listeners.lines().find_map(|line| line.strip_prefix("ingress::"))?;
    Some(format!("http://{address}"))
}
