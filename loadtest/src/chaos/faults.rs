//! What is done to the world, and when.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep, sleep_until};

use super::history::{Event, Fault, History};
use super::proxy::{Proxy, Weather};
use crate::local::redis::{Redis, Shape};
use crate::local::replica::Replica;

/// A replica's lease twice: others take what a frozen replica held.
const TWO_LEASES: Duration = Duration::from_secs(6);
/// How long a replica may take to leave before it is killed.
const LEAVING: Duration = Duration::from_secs(15);

/// Everything that faults are injected into.
pub struct World {
    /// The replicas.
    pub replicas: Vec<Replica>,
    /// Their Redis.
    pub redis: Redis,
    /// What lies between each replica and Redis, where something does.
    pub network: Vec<Proxy>,
    /// Where faults are noted.
    pub history: History,
}

/// Which faults a world of this shape sees, and how often.
pub fn schedule(shape: Shape) -> Vec<(Fault, Duration)> {
    let mut faults = vec![
        (Fault::Kill, 5),
        (Fault::Freeze, 20),
        (Fault::Leave, 30),
        (Fault::CutPubsub, 2),
        (Fault::CutCommands, 10),
        (Fault::Pause, 15),
    ];
    let network = [(Fault::Delay, 10), (Fault::Cut, 10), (Fault::HalfClose, 10), (Fault::BlackHole, 20)];
    match shape {
        Shape::Aof | Shape::Everysec => faults.extend(network.into_iter().chain([(Fault::KillRedis, 15)])),
        Shape::Memory => faults.extend(network.into_iter().chain([(Fault::WipeRedis, 15)])),
        Shape::Sentinel => faults.extend([(Fault::FailOver, 15), (Fault::KillPrimary, 60)]),
    }
    faults.into_iter().map(|(fault, every)| (fault, Duration::from_secs(every))).collect()
}

impl World {
    /// Injects one fault again and again, at times that follow from `rng`, but at least once before half of `length`
    /// is over.
    pub async fn suffer(
        self: Arc<Self>,
        fault: Fault,
        every: Duration,
        length: Duration,
        mut rng: Rng,
    ) -> anyhow::Result<()> {
        let end = Instant::now() + length;
        let mut next = Instant::now() + every.min(length / 2).mul_f64(rng.f64());
        while next < end {
            sleep_until(next).await;
            next += every;
            self.inject(fault, &mut rng).await?;
        }
        Ok(())
    }

    async fn inject(&self, fault: Fault, rng: &mut Rng) -> anyhow::Result<()> {
        let number = rng.usize(..self.replicas.len());
        let replica = &self.replicas[number];
        let pause = Duration::from_millis(200 + rng.u64(..1_500));
        let begins = |replica| self.history.note(Event::Fault { fault, replica });
        match fault {
            Fault::Kill => {
                begins(Some(number));
                replica.crash(pause).await?;
            }
            Fault::Freeze => {
                begins(Some(number));
                replica.freeze(TWO_LEASES).await;
                self.history.note(Event::Thawed { replica: number });
            }
            Fault::Leave => {
                begins(Some(number));
                replica.leave(LEAVING).await?;
            }
            Fault::KillRedis | Fault::KillPrimary | Fault::WipeRedis => {
                begins(None);
                self.redis.crash(pause).await?;
            }
            Fault::FailOver => self.fail_over().await?,
            Fault::CutPubsub => self.tell("CLIENT KILL TYPE pubsub", begins).await,
            Fault::CutCommands => self.tell("CLIENT KILL TYPE normal", begins).await,
            Fault::Pause => self.tell("CLIENT PAUSE 1000 ALL", begins).await,
            Fault::Delay => self.weather(number, Weather::Slow(Duration::from_millis(300)), begins).await,
            Fault::BlackHole => self.weather(number, Weather::BlackHole, begins).await,
            Fault::Cut => {
                begins(Some(number));
                self.network[number].cut();
            }
            Fault::HalfClose => {
                begins(Some(number));
                self.network[number].half_close();
            }
        }
        Ok(())
    }

    async fn weather(&self, number: usize, weather: Weather, begins: impl Fn(Option<usize>)) {
        begins(Some(number));
        self.network[number].set(weather);
        sleep(Duration::from_secs(4)).await;
        self.network[number].set(Weather::Fine);
    }

    /// Redis may be down: then it is told when it is back.
    async fn tell(&self, command: &str, begins: impl Fn(Option<usize>)) {
        while self.redis.tell(command).await.is_err() {
            sleep(Duration::from_millis(200)).await;
        }
        begins(None);
    }

    /// Sentinels refuse while another failover goes on, so they are asked for a while.
    async fn fail_over(&self) -> anyhow::Result<()> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            match self.redis.fail_over().await {
                Ok(()) => {
                    self.history.note(Event::Fault { fault: Fault::FailOver, replica: None });
                    return Ok(());
                }
                Err(error) if Instant::now() >= until => return Err(error),
                Err(_) => sleep(Duration::from_millis(500)).await,
            }
        }
    }
}
