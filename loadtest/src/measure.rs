//! A closed loop of Checks: each stream sends its next one when the last has been answered.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use holdpoint::ext_authz::proto::{
    CheckRequest, authorization_client::AuthorizationClient, check_response::HttpResponse,
};
use tonic::transport::{Channel, Endpoint};

/// How much load, and for how long.
#[derive(Debug, Clone, clap::Args)]
pub struct Load {
    /// Connections, each as one gateway would have
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Checks under way at once on each connection
    #[arg(long, default_value_t = 16)]
    streams: usize,
    /// Seconds that are measured
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Seconds before that, which are not
    #[arg(long, default_value_t = 2)]
    warm_up: u64,
}

/// What came back.
pub struct Measured {
    latencies: Histogram<u64>,
    time: Duration,
}

impl Measured {
    /// Checks in a second.
    pub fn throughput(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64()
    }

    /// The latency in milliseconds that this share (0 to 1) of the Checks stayed within.
    pub fn latency(&self, share: f64) -> f64 {
        self.latencies.value_at_quantile(share) as f64 / 1e6
    }
}

/// Sends this Check over and over; every one of them has to pass.
pub async fn measure(target: &str, check: &CheckRequest, load: &Load) -> anyhow::Result<Measured> {
    let endpoint = Endpoint::from_shared(target.to_owned())?
        .initial_connection_window_size(16 * 1024 * 1024)
        .tcp_nodelay(true);
    let mut clients = Vec::new();
    for _ in 0..load.connections {
        let channel = endpoint.connect().await.with_context(|| format!("nobody answers at {target}"))?;
        clients.push(AuthorizationClient::new(channel));
    }
    let from = Instant::now() + Duration::from_secs(load.warm_up);
    let time = Duration::from_secs(load.seconds);
    let streams = clients.iter().flat_map(|client| (0..load.streams).map(move |_| client.clone()));
    let tasks = streams.map(|client| tokio::spawn(one_stream(client, check.clone(), from, from + time)));
    let mut latencies = histogram()?;
    for of_one in try_join_all(tasks).await? {
        latencies.add(of_one?)?;
    }
    Ok(Measured { latencies, time })
}

async fn one_stream(
    mut client: AuthorizationClient<Channel>,
    check: CheckRequest,
    from: Instant,
    until: Instant,
) -> anyhow::Result<Histogram<u64>> {
    let mut latencies = histogram()?;
    loop {
        let asked = Instant::now();
        let answer = client.check(check.clone()).await?.into_inner();
        let answered = Instant::now();
        if !matches!(answer.http_response, Some(HttpResponse::OkResponse(_))) {
            bail!("a Check that should pass is denied: {answer:?}");
        }
        if answered >= until {
            return Ok(latencies);
        }
        if answered >= from {
            latencies.saturating_record((answered - asked).as_nanos() as u64);
        }
    }
}

/// Nanoseconds, up to a minute.
fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1_000, 60_000_000_000, 3)?)
}
