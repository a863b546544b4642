//! A bad network: what lies between a replica and Redis.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Everything arrives.
    Fine,
    /// Everything arrives so much later.
    Slow(Duration),
    /// Nothing arrives, and nobody is told. What was sent arrives when the weather changes.
    BlackHole,
}

/// A proxy in front of one server.
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    weather: watch::Sender<Weather>,
    /// Rises whenever all connections are cut ...
    cuts: watch::Sender<u64>,
    /// ... or closed towards the client only.
    half_closes: watch::Sender<u64>,
}

/// How a connection sees the network.
#[derive(Clone)]
struct Sky {
    weather: watch::Receiver<Weather>,
    cuts: watch::Receiver<u64>,
    half_closes: watch::Receiver<u64>,
}

impl Proxy {
    /// Listens, and connects whoever comes with this port.
    pub async fn start(to: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (weather, weather_seen) = watch::channel(Weather::Fine);
        let (cuts, cuts_seen) = watch::channel(0);
        let (half_closes, half_closes_seen) = watch::channel(0);
        let port = listener.local_addr()?.port();
        let sky = Sky { weather: weather_seen, cuts: cuts_seen, half_closes: half_closes_seen };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mut sky = sky.clone();
                sky.cuts.mark_unchanged();
                sky.half_closes.mark_unchanged();
                tokio::spawn(connect(client, to, sky));
            }
        });
        Ok(Self { port, weather, cuts, half_closes })
    }

    /// Changes the weather.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Says goodbye to all clients in the name of the server, and goes on listening to them.
    pub fn half_close(&self) {
        self.half_closes.send_modify(|closes| *closes += 1);
    }
}

async fn connect(client: TcpStream, to: u16, mut sky: Sky) {
    // Nobody there: the client sees that its connection ends.
    let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let _nodelay = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut cuts = sky.cuts.clone();
    let there = pump(from_client, to_server, sky.weather.clone());
    let back = async {
        tokio::select! {
            _ = sky.half_closes.changed() => {}
            () = pump(from_server, to_client, sky.weather.clone()) => {}
        }
    };
    tokio::select! {
        _ = cuts.changed() => {}
        _ = async { tokio::join!(there, back) } => {}
    }
}

/// Until one side ends; the other is told when the halves are dropped.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut weather: watch::Receiver<Weather>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let now = *weather.borrow();
        match now {
            Weather::Fine => {}
            Weather::Slow(by) => sleep(by).await,
            Weather::BlackHole => {
                if weather.wait_for(|now| *now != Weather::BlackHole).await.is_err() {
                    return;
                }
            }
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
