//! The port at which gateways ask: gRPC with health, reflection and limits that fit calls which wait for a person.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::server::NamedService;
use tonic::transport::{self, Server, server::TcpIncoming};
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};

use super::proto::{
    FILE_DESCRIPTORS,
    authorization_server::{Authorization, AuthorizationServer},
};

/// What one Check holds beside the body: headers, metadata, names.
const ROOM_BESIDE_BODY: usize = 1024 * 1024;

/// h2 takes many small frames for an attack once they exceed half of the connection's window, and cuts the connection: with
/// the usual window, a burst of Checks from one busy gateway does.
const CONNECTION_WINDOW: u32 = 32 * 1024 * 1024;

/// Cancelled Checks that may wait for us to see them before h2 takes them for an attack and cuts the connection, with all
/// the calls of other clients that are parked on it. Gateways are trusted peers; 20, as by default, is one busy client.
const CANCELS_WAITING: usize = 100_000;

/// How the listener is set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The largest request body in bytes that a Check may carry (4 MiB).
    pub body_limit: usize,
    /// How often a gateway is asked whether it is still there (30 s) ...
    pub keepalive_interval: Duration,
    /// ... and how long it may take to answer before its connection is closed (10 s).
    pub keepalive_timeout: Duration,
}

/// What health checks are told, of the service and of the process as one (the empty name).
#[derive(Debug, Clone, Default)]
pub struct Health(HealthReporter);

/// Serves, and reports so, until `shutdown`; then takes no new connections or Checks, and returns when those that are there
/// have ended.
///
/// There is no bound on that last wait: to answer what is parked is up to the service.
pub async fn serve<A: Authorization>(
    listener: TcpListener,
    service: A,
    settings: Settings,
    health: Health,
    shutdown: CancellationToken,
) -> Result<(), transport::Error> {
    health.serving().await;
    let check =
        AuthorizationServer::new(service).max_decoding_message_size(settings.body_limit + ROOM_BESIDE_BODY);
    let describe = || {
        tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(FILE_DESCRIPTORS)
    };
    let described = "descriptors of our own build can be read";
    Server::builder()
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(None)
        .http2_keepalive_interval(Some(settings.keepalive_interval))
        .http2_keepalive_timeout(Some(settings.keepalive_timeout))
        .http2_max_pending_accept_reset_streams(Some(CANCELS_WAITING))
        // Counted over the whole life of a connection: any limit would be reached one day.
        .http2_max_local_error_reset_streams(None)
        .add_service(check)
        .add_service(HealthServer::new(HealthService::from_health_reporter(health.0)))
        .add_service(describe().build_v1().expect(described))
        .add_service(describe().build_v1alpha().expect(described))
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            shutdown.cancelled_owned(),
        )
        .await
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            body_limit: 4 * 1024 * 1024,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(10),
        }
    }
}

// === impl Health ===

impl Health {
    /// Gateways may send us Checks.
    pub async fn serving(&self) {
        self.set(ServingStatus::Serving).await;
    }

    /// Gateways should ask another replica.
    pub async fn not_serving(&self) {
        self.set(ServingStatus::NotServing).await;
    }

    async fn set(&self, status: ServingStatus) {
        for name in ["", AuthorizationServer::<()>::NAME] {
            self.0.set_service_status(name, status).await;
        }
    }
}
