//! What stands between callers and the server: asks a replica about each call, as Envoy does, and forwards what may go
//! on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use holdpoint::ext_authz::proto::{
    CheckResponse, HeaderValueOption, authorization_client::AuthorizationClient, check_response::HttpResponse,
};
use tokio::time::{sleep, timeout};
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use super::history::{Answer, Call, Event, History};
use crate::check;

/// Between a connection that died and another replica.
const PAUSE: Duration = Duration::from_millis(50);
/// Connections to each replica.
const CONNECTIONS: usize = 4;

/// Asks replicas, and forwards.
pub struct Gateway {
    replicas: Vec<Vec<AuthorizationClient<Channel>>>,
    history: History,
    attempts: AtomicU64,
    /// Past the deadline an answer is still awaited for so long, to see how late it is.
    grace: Duration,
}

/// Who wants which call.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The call.
    pub call: Call,
    /// Tells those apart who want the same one.
    pub want: u64,
    /// On whose behalf.
    pub caller: String,
}

impl Gateway {
    /// A gateway in front of replicas that listen on these ports.
    pub fn new(ports: impl Iterator<Item = u16>, history: History, grace: Duration) -> anyhow::Result<Self> {
        let connect = |port| {
            let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?
                .initial_connection_window_size(16 * 1024 * 1024)
                .connect_timeout(Duration::from_secs(1))
                .tcp_nodelay(true);
            let connections = (0..CONNECTIONS).map(|_| AuthorizationClient::new(endpoint.connect_lazy()));
            anyhow::Ok(connections.collect())
        };
        let replicas = ports.map(connect).collect::<anyhow::Result<_>>()?;
        Ok(Self { replicas, history, attempts: AtomicU64::new(0), grace })
    }

    /// One of the others: what a dead replica held is spread over those that live.
    fn another(&self, replica: usize, attempt: u64) -> usize {
        let others = self.replicas.len().saturating_sub(1).max(1);
        (replica + 1 + attempt as usize % others) % self.replicas.len()
    }

    /// Asks about a call until `patience` is over, and lets the server run it where it may go on. A Check whose
    /// connection dies is sent to another replica. None where nobody answered in time.
    pub async fn forward(&self, wanted: &Wanted, mut replica: usize, patience: Duration) -> Option<Answer> {
        let due = self.history.now() + patience;
        let mut after_death = false;
        loop {
            let left = due.saturating_sub(self.history.now());
            if left < PAUSE {
                return None;
            }
            let attempt =
                Attempt { number: self.attempts.fetch_add(1, Ordering::Relaxed), gateway: self, over: false };
            let number = attempt.number;
            if after_death {
                replica = self.another(replica, number);
            }
            let (call, want) = (wanted.call, wanted.want);
            self.history.note(Event::Asked { attempt: number, call, want, replica, due, after_death });
            let mut client = self.replicas[replica][number as usize % CONNECTIONS].clone();
            let mut check = Request::new(check::tools_call(call, &wanted.caller, number));
            // Not as `grpc-timeout`: our own client would give up by it, and a late answer would not be seen.
            let expected = left.as_millis().to_string().parse().expect("digits are ASCII");
            check.metadata_mut().insert("x-envoy-expected-rq-timeout-ms", expected);
            match timeout(left + self.grace, client.check(check)).await {
                Ok(Ok(response)) => {
                    let answer = read(response.get_ref());
                    attempt.ends_with(Event::Answered { attempt: number, answer: answer.clone() });
                    if self.history.now() >= due {
                        return None;
                    }
                    if let Answer::Released { approval } = &answer {
                        self.history.note(Event::Executed { call, approval: approval.clone() });
                    }
                    return Some(answer);
                }
                Ok(Err(_)) => attempt.ends_with(Event::Broken { attempt: number }),
                Err(_) => {
                    attempt.ends_with(Event::Unanswered { attempt: number });
                    return None;
                }
            }
            after_death = true;
            sleep(PAUSE).await;
        }
    }
}

/// A Check under way. Dropped before it is over, its caller has left.
struct Attempt<'a> {
    number: u64,
    gateway: &'a Gateway,
    over: bool,
}

impl Attempt<'_> {
    fn ends_with(mut self, event: Event) {
        self.over = true;
        self.gateway.history.note(event);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.gateway.history.note(Event::HungUp { attempt: self.number });
        }
    }
}

fn read(response: &CheckResponse) -> Answer {
    let (headers, let_through): (&[HeaderValueOption], bool) = match &response.http_response {
        Some(HttpResponse::OkResponse(ok)) => (&ok.headers, true),
        Some(HttpResponse::DeniedResponse(denied)) => (&denied.headers, false),
        // What Envoy makes of it depends on the status alone.
        None => (&[], response.status.as_ref().is_none_or(|status| status.code == 0)),
    };
    let header = |name: &str| {
        let header =
            headers.iter().filter_map(|option| option.header.as_ref()).find(|header| header.key == name);
        header.map(|header| header.value.clone()).unwrap_or_default()
    };
    let (code, approval) = (header("x-holdpoint-outcome"), header("x-holdpoint-approval"));
    match code.as_str() {
        _ if let_through => Answer::Released { approval },
        "rejected" => Answer::Rejected { approval },
        "pending" | "shutting_down" => Answer::Open { approval },
        "expired" | "cancelled" => Answer::Ended { approval },
        "store_unavailable" => Answer::StoreUnavailable,
        "queue_full" => Answer::QueueFull,
        _ => Answer::Other(code),
    }
}
