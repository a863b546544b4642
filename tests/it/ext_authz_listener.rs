//! The gRPC port over a real socket, with a toy in the place of the service.

use std::{
    io::{Read, Write},
    net::SocketAddr,
    time::Duration,
};

use futures_util::{future::join_all, stream};
use holdpoint::ext_authz::{
    listener::{self, Health, Settings},
    proto::{
        AttributeContext, CheckRequest, CheckResponse, attribute_context,
        authorization_client::AuthorizationClient, authorization_server::Authorization,
    },
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Request, Response, Status,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

const SERVICE: &str = "envoy.service.auth.v3.Authorization";
/// Bounds every wait: far above what a slow machine needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Parks what asks for `/park` until told, answers the rest at once.
#[derive(Clone)]
struct Toy {
    parked: watch::Sender<usize>,
    told: watch::Sender<bool>,
}

/// Counts a parked call for as long as its future lives.
struct Parked(watch::Sender<usize>);

impl Parked {
    fn new(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|parked| *parked += 1);
        Self(count.clone())
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        self.0.send_modify(|parked| *parked -= 1);
    }
}

#[tonic::async_trait]
impl Authorization for Toy {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let http = request.into_inner().attributes.unwrap().request.unwrap().http.unwrap();
        if http.path == "/park" {
            let _parked = Parked::new(&self.parked);
            self.told.subscribe().wait_for(|told| *told).await.map_err(|_| Status::aborted("untold"))?;
        }
        Ok(Response::new(CheckResponse::default()))
    }
}

impl Toy {
    /// Waits until so many calls are parked.
    async fn parked(&self, number: usize) {
        let mut parked = self.parked.subscribe();
        let reached = timeout(PATIENCE, parked.wait_for(|parked| *parked == number)).await;
        assert!(reached.is_ok(), "{} calls are parked, not {number}", *self.parked.borrow());
    }
}

struct Gate {
    toy: Toy,
    health: Health,
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Gate {
    async fn open(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let toy = Toy { parked: watch::Sender::new(0), told: watch::Sender::new(false) };
        let (health, shutdown) = (Health::default(), CancellationToken::new());
        let serving =
            tokio::spawn(listener::serve(listener, toy.clone(), settings, health.clone(), shutdown.clone()));
        Self { toy, health, address, shutdown, serving }
    }

    /// One connection, with room for many answers at once.
    async fn connect(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.initial_connection_window_size(16 * 1024 * 1024).connect().await.unwrap()
    }
}

/// A Check of about 2 KB, as gateways send it.
fn check(path: &str) -> CheckRequest {
    check_with_body(path, vec![b' '; 1900])
}

fn check_with_body(path: &str, raw_body: Vec<u8>) -> CheckRequest {
    let http = attribute_context::HttpRequest { path: path.into(), raw_body, ..Default::default() };
    let request = attribute_context::Request { http: Some(http), time: None };
    let attributes = AttributeContext { request: Some(request), ..Default::default() };
    CheckRequest { attributes: Some(Box::new(attributes)) }
}

#[tokio::test]
async fn health_is_told_for_the_service_and_for_the_process() {
    let gate = Gate::open(Settings::default()).await;
    let mut client = HealthClient::new(gate.connect().await);
    for expected in [ServingStatus::Serving, ServingStatus::NotServing] {
        for service in ["", SERVICE] {
            let told = client.check(HealthCheckRequest { service: service.into() }).await.unwrap();
            assert_eq!(told.into_inner().status(), expected, "{service:?}");
        }
        gate.health.not_serving().await;
    }
}

/// The two versions have the same messages, and yet no type in common.
macro_rules! reflection_lists_the_service {
    ($test:ident, $version:ident) => {
        #[tokio::test]
        async fn $test() {
            use tonic_reflection::pb::$version::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
                server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
            };
            let gate = Gate::open(Settings::default()).await;
            let mut client = ServerReflectionClient::new(gate.connect().await);
            let message_request = Some(MessageRequest::ListServices(String::new()));
            let question = ServerReflectionRequest { host: String::new(), message_request };
            let mut answers =
                client.server_reflection_info(stream::iter([question])).await.unwrap().into_inner();
            let answer = answers.message().await.unwrap().unwrap().message_response;
            let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
            assert!(list.service.iter().any(|service| service.name == SERVICE), "{list:?}");
        }
    };
}

reflection_lists_the_service!(reflection_v1_lists_the_service, v1);
reflection_lists_the_service!(reflection_v1alpha_lists_the_service, v1alpha);

#[tokio::test]
async fn a_body_up_to_the_limit_is_taken_and_more_than_its_room_is_not() {
    const MIB: usize = 1024 * 1024;
    let gate = Gate::open(Settings { body_limit: 5 * MIB, ..Settings::default() }).await;
    let mut client = AuthorizationClient::new(gate.connect().await);
    client.check(check_with_body("/", vec![b' '; 5 * MIB])).await.expect("a body at the limit passes");
    let refused = client.check(check_with_body("/", vec![b' '; 6 * MIB])).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_checks_in_one_burst_on_one_connection_survive() {
    const BURST: usize = 10_000;
    let gate = Gate::open(Settings::default()).await;
    let client = AuthorizationClient::new(gate.connect().await);
    let calls: Vec<_> = (0..BURST)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move { client.check(check("/park")).await })
        })
        .collect();
    gate.toy.parked(BURST).await;
    gate.toy.told.send_replace(true);
    let answers = timeout(PATIENCE, join_all(calls)).await.expect("all are answered");
    let lost = answers.into_iter().filter(|answer| !matches!(answer, Ok(Ok(_)))).count();
    assert_eq!(lost, 0, "of {BURST}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mass_of_cancels_does_not_cut_off_a_call_parked_on_the_same_connection() {
    const CANCELS: usize = 2_000;
    let gate = Gate::open(Settings::default()).await;
    let client = AuthorizationClient::new(gate.connect().await);
    let park = |_| {
        let mut client = client.clone();
        tokio::spawn(async move { client.check(check("/park")).await })
    };
    let innocent = park(0);
    gate.toy.parked(1).await;
    for _round in 0..8 {
        let cancelled: Vec<_> = (0..CANCELS).map(park).collect();
        let mut parked = gate.toy.parked.subscribe();
        timeout(PATIENCE, parked.wait_for(|parked| *parked > 1)).await.expect("some have arrived").unwrap();
        cancelled.iter().for_each(JoinHandle::abort);
        join_all(cancelled).await;
    }
    gate.toy.parked(1).await;
    gate.toy.told.send_replace(true);
    let answer = timeout(PATIENCE, innocent).await.expect("the innocent call is answered").unwrap();
    assert!(answer.is_ok(), "{answer:?}");
}

#[tokio::test]
async fn a_gateway_that_has_frozen_loses_its_connection() {
    const CONNECTION_START: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let soon = Duration::from_millis(100);
    let gate =
        Gate::open(Settings { keepalive_interval: soon, keepalive_timeout: soon, ..Settings::default() })
            .await;
    let ended = tokio::task::spawn_blocking(move || {
        let mut connection = std::net::TcpStream::connect(gate.address).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection.write_all(CONNECTION_START).unwrap();
        // Reads and never answers: neither the settings nor a ping.
        connection.read_to_end(&mut Vec::new())
    });
    ended.await.unwrap().expect("the connection is closed");
}

#[tokio::test]
async fn shutdown_takes_no_new_connection_and_waits_for_what_is_parked() {
    let gate = Gate::open(Settings::default()).await;
    let mut client = AuthorizationClient::new(gate.connect().await);
    let parked = tokio::spawn(async move { client.check(check("/park")).await });
    gate.toy.parked(1).await;
    gate.shutdown.cancel();
    timeout(PATIENCE, async { while tokio::net::TcpStream::connect(gate.address).await.is_ok() {} })
        .await
        .expect("the port closes");
    assert!(!gate.serving.is_finished());
    gate.toy.told.send_replace(true);
    assert!(timeout(PATIENCE, parked).await.expect("the parked call is answered").unwrap().is_ok());
    timeout(PATIENCE, gate.serving).await.expect("the listener ends").unwrap().unwrap();
}
