//! A receiver of OTLP over gRPC, as a collector is one.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span as Sent;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig, server::TcpIncoming};
use tonic::{Request, Response, Status};

use super::authority::Authority;
use super::eventually::eventually;

/// What has been received so far, from everybody.
#[derive(Clone, Default)]
struct Received(Arc<Mutex<All>>);

#[derive(Default)]
struct All {
    spans: Vec<Span>,
    metrics: Vec<String>,
    logs: Vec<String>,
    headers: Vec<Option<String>>,
    refuses_logs: bool,
}

/// One span, as far as tests look at it.
#[derive(Debug, Clone)]
pub struct Span {
    /// Whose it is (`service.name`).
    pub service: String,
    pub name: String,
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub state: String,
    pub is_error: bool,
    /// The spans that it links to, with what `holdpoint.link` says of each.
    pub links: Vec<(String, String)>,
    pub attributes: Vec<(String, String)>,
    /// Nanoseconds since 1970.
    pub start: u64,
    pub end: u64,
}

/// A receiver; it ends with this value.
pub struct Receiver {
    scheme: &'static str,
    address: SocketAddr,
    received: Received,
    _stop: DropGuard,
}

impl Receiver {
    /// Starts a receiver on a free port.
    pub async fn start() -> Self {
        Self::served_by(Server::builder(), "http").await
    }

    /// The same with a certificate of this authority; whoever sends has to have one too.
    pub async fn behind_tls(authority: &Authority) -> Self {
        let own = Identity::from_pem(&authority.certificate, &authority.key);
        let tls = ServerTlsConfig::new().identity(own).client_ca_root(Certificate::from_pem(&authority.root));
        Self::served_by(Server::builder().tls_config(tls).expect("a certificate"), "https").await
    }

    async fn served_by(mut server: Server, scheme: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (received, stop) = (Received::default(), CancellationToken::new());
        let server = server
            .add_service(TraceServiceServer::new(received.clone()))
            .add_service(MetricsServiceServer::new(received.clone()))
            .add_service(LogsServiceServer::new(received.clone()))
            .serve_with_incoming_shutdown(TcpIncoming::from(listener), stop.clone().cancelled_owned());
        tokio::spawn(server);
        Self { scheme, address, received, _stop: stop.drop_guard() }
    }

    /// The port, for a gateway.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<Span> {
        self.received.0.lock().unwrap().spans.clone()
    }

    /// Waits for a span that is as wanted.
    pub async fn span(&self, what: &str, is_wanted: impl Fn(&Span) -> bool) -> Span {
        eventually(what, async || self.spans().into_iter().find(&is_wanted)).await
    }

    /// Waits for a span of this name.
    pub async fn named(&self, name: &str) -> Span {
        self.span(name, |span| span.name == name).await
    }

    /// The names of all metrics so far.
    pub fn metrics(&self) -> Vec<String> {
        self.received.0.lock().unwrap().metrics.clone()
    }

    /// Whether it takes log lines.
    pub fn refuses_logs(&self, refuses: bool) {
        self.received.0.lock().unwrap().refuses_logs = refuses;
    }

    /// All log lines so far, with the ids of their spans.
    pub fn logs(&self) -> Vec<String> {
        self.received.0.lock().unwrap().logs.clone()
    }

    /// The header `authorization` of every export so far.
    pub fn authorizations(&self) -> Vec<Option<String>> {
        self.received.0.lock().unwrap().headers.clone()
    }
}

impl Span {
    /// The value of an attribute; empty where there is none.
    pub fn get(&self, key: &str) -> &str {
        self.attributes.iter().find(|(k, _)| k == key).map_or("", |(_, value)| value)
    }

    /// Whether it links to this span, and says so.
    pub fn links_to(&self, other: &Self, says: &str) -> bool {
        self.links.iter().any(|(id, said)| *id == other.id && said == says)
    }

    fn of(service: &str, sent: Sent) -> Self {
        let said = |attributes: &[KeyValue]| pairs(attributes).into_iter().map(|(_, value)| value).next();
        Self {
            service: service.to_owned(),
            name: sent.name,
            trace: hex::encode(sent.trace_id),
            id: hex::encode(sent.span_id),
            parent: hex::encode(sent.parent_span_id),
            state: sent.trace_state,
            is_error: sent.status.is_some_and(|status| status.code == 2),
            links: sent
                .links
                .iter()
                .map(|link| (hex::encode(&link.span_id), said(&link.attributes).unwrap_or_default()))
                .collect(),
            attributes: pairs(&sent.attributes),
            start: sent.start_time_unix_nano,
            end: sent.end_time_unix_nano,
        }
    }
}

fn pairs(attributes: &[KeyValue]) -> Vec<(String, String)> {
    attributes
        .iter()
        .map(|pair| (pair.key.clone(), text(pair.value.as_ref().and_then(|v| v.value.as_ref()))))
        .collect()
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(n)) => n.to_string(),
        Some(Value::DoubleValue(n)) => n.to_string(),
        Some(Value::BoolValue(b)) => b.to_string(),
        other => format!("{other:?}"),
    }
}

#[tonic::async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let authorization = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
        let authorization = authorization.map(str::to_owned);
        let mut all = self.0.lock().unwrap();
        all.headers.push(authorization);
        for of_service in request.into_inner().resource_spans {
            let resource =
                of_service.resource.map(|resource| pairs(&resource.attributes)).unwrap_or_default();
            let service = resource.iter().find(|(key, _)| key == "service.name").map_or("", |(_, name)| name);
            let sent = of_service.scope_spans.into_iter().flat_map(|scope| scope.spans);
            all.spans.extend(sent.map(|span| Span::of(service, span)));
        }
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Received {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let scopes = request.into_inner().resource_metrics.into_iter().flat_map(|of| of.scope_metrics);
        let names = scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name);
        self.0.lock().unwrap().metrics.extend(names);
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Received {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        if self.0.lock().unwrap().refuses_logs {
            return Err(Status::unavailable("not now"));
        }
        let scopes = request.into_inner().resource_logs.into_iter().flat_map(|of| of.scope_logs);
        let lines = scopes.flat_map(|scope| scope.log_records).map(|record| {
            let body = text(record.body.and_then(|body| body.value).as_ref());
            format!("{body} {} {}", hex::encode(record.trace_id), hex::encode(record.span_id))
        });
        self.0.lock().unwrap().logs.extend(lines);
        Ok(Response::new(Default::default()))
    }
}
