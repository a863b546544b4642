//! What gateways do to a replica: how many connections they open, and what they take for an answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdpoint::ext_authz::proto::{
    CheckRequest, CheckResponse, authorization_client::AuthorizationClient, check_response::HttpResponse,
};
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};

/// As whom to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Like {
    /// Another connection for each 100 Checks that are under way
    Agentgateway,
    /// Four connections, one for each worker thread, whatever is under way
    Envoy,
}

/// Checks on one connection of agentgateway.
const STREAMS: usize = 100;
/// Connections of an Envoy with as many worker threads.
const WORKERS: usize = 4;
/// The usual window is too small for a connection full of Checks that are answered at once.
const WINDOW: u32 = 16 * 1024 * 1024;

/// The gateway in front of one replica.
pub struct Gateway {
    like: Like,
    endpoint: Endpoint,
    connections: Mutex<Vec<Connection>>,
    open: Arc<Open>,
}

struct Connection {
    client: AuthorizationClient<Channel>,
    streams: usize,
}

/// How many Checks are under way at all gateways.
#[derive(Default)]
pub struct Open(AtomicU64);

/// How a Check ended, and when.
pub struct Answer {
    /// What became of it.
    pub verdict: Verdict,
    /// When.
    pub at: Instant,
}

/// What a gateway makes of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The call goes on.
    Passed,
    /// It does not, and this is why.
    Refused(String),
}

impl Open {
    /// So many.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gateway {
    /// In front of the replica at this address. Connections are opened when they are needed.
    pub fn new(address: &str, like: Like, open: Arc<Open>) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(address.to_owned())?
            .initial_connection_window_size(WINDOW)
            .tcp_nodelay(true);
        Ok(Self { like, endpoint, connections: Mutex::default(), open })
    }

    /// Asks, and waits as long as it takes.
    pub async fn ask(&self, check: CheckRequest) -> Answer {
        let (_stream, mut client) = self.stream();
        let answer = client.check(check).await;
        let at = Instant::now();
        let verdict = match answer {
            Ok(response) => read(response.get_ref()),
            Err(error) => Verdict::Refused(error.to_string()),
        };
        Answer { verdict, at }
    }

    fn stream(&self) -> (Stream<'_>, AuthorizationClient<Channel>) {
        let mut connections = self.connections();
        let least_busy = || connections.iter().enumerate().min_by_key(|(_, connection)| connection.streams);
        let chosen = match self.like {
            Like::Agentgateway => connections.iter().position(|connection| connection.streams < STREAMS),
            Like::Envoy if connections.len() < WORKERS => None,
            Like::Envoy => least_busy().map(|(number, _)| number),
        };
        let number = chosen.unwrap_or_else(|| {
            let client = AuthorizationClient::new(self.endpoint.connect_lazy());
            connections.push(Connection { client, streams: 0 });
            connections.len() - 1
        });
        connections[number].streams += 1;
        self.open.0.fetch_add(1, Ordering::Relaxed);
        (Stream { gateway: self, number }, connections[number].client.clone())
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A Check under way on one of the connections.
struct Stream<'a> {
    gateway: &'a Gateway,
    number: usize,
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        self.gateway.connections()[self.number].streams -= 1;
        self.gateway.open.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn read(response: &CheckResponse) -> Verdict {
    match &response.http_response {
        Some(HttpResponse::OkResponse(_)) => Verdict::Passed,
        Some(HttpResponse::DeniedResponse(denied)) => Verdict::Refused(denied.body.clone()),
        None => match &response.status {
            Some(status) if status.code != 0 => Verdict::Refused(status.message.clone()),
            _ => Verdict::Passed,
        },
    }
}
