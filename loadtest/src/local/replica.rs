//! One `holdpoint serve`, which can be ended and started again on the same ports.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::processes::{Process, free_port};

/// So many reviewers are known to every replica.
pub const REVIEWERS: usize = 16;

/// The token that proves who a reviewer is.
pub fn token(reviewer: usize) -> String {
    format!("the-token-of-reviewer-{reviewer}")
}

/// What every replica is configured with.
#[derive(Debug, Clone)]
pub struct Terms {
    /// How long one attempt is held.
    pub hold: Duration,
    /// How long an approval stays open.
    pub expires: Duration,
    /// How long a late approval is good for.
    pub grant: Duration,
    /// What it writes into its log, as `holdpoint serve --log` takes it.
    pub log: &'static str,
}

/// A replica. Whoever does something to its process holds the lock, so that faults do not meet on it.
pub struct Replica {
    /// Where gateways connect.
    pub gate: u16,
    /// Where reviewers connect.
    pub admin: u16,
    program: PathBuf,
    config: PathBuf,
    log: PathBuf,
    level: &'static str,
    process: Mutex<Option<Process>>,
}

impl Replica {
    /// Starts it in a folder of its own. Without a Redis it keeps approvals to itself.
    pub async fn start(
        program: &Path,
        folder: &Path,
        redis: Option<&str>,
        terms: &Terms,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let replica = Self {
            gate: free_port()?,
            admin: free_port()?,
            program: program.to_owned(),
            config: folder.join("holdpoint.yaml"),
            log: folder.join("log"),
            level: terms.log,
            process: Mutex::default(),
        };
        fs::write(&replica.config, config(replica.gate, replica.admin, redis, terms)?)?;
        *replica.process.lock().await = Some(replica.launch().await?);
        Ok(replica)
    }

    /// Its process; none while it is down.
    pub async fn process(&self) -> Option<u32> {
        Some(self.process.lock().await.as_ref()?.id())
    }

    /// Ends it as a crash would, and starts it again after a while.
    pub async fn crash(&self, down: Duration) -> anyhow::Result<()> {
        let mut process = self.process.lock().await;
        if let Some(process) = process.take() {
            process.kill().await;
        }
        tokio::time::sleep(down).await;
        *process = Some(self.launch().await?);
        Ok(())
    }

    /// Tells it to leave, and starts it again when it has.
    pub async fn leave(&self, within: Duration) -> anyhow::Result<()> {
        let mut process = self.process.lock().await;
        if let Some(process) = process.take() {
            process.leave(within).await;
        }
        *process = Some(self.launch().await?);
        Ok(())
    }

    /// Lets it stand still for a while.
    pub async fn freeze(&self, time: Duration) {
        let process = self.process.lock().await;
        if let Some(process) = &*process {
            process.freeze();
            tokio::time::sleep(time).await;
            process.thaw();
        }
    }

    async fn launch(&self) -> anyhow::Result<Process> {
        let args = [
            "serve".as_ref(),
            "--log".as_ref(),
            self.level.as_ref(),
            "--config".as_ref(),
            self.config.as_os_str(),
        ];
        let mut process = Process::start(&self.program, args, &self.log)?;
        process.listens(&[self.gate, self.admin]).await?;
        Ok(process)
    }
}

fn config(gate: u16, admin: u16, redis: Option<&str>, terms: &Terms) -> anyhow::Result<String> {
    let mut reviewers = String::new();
    for n in 0..REVIEWERS {
        let digest = hex::encode(Sha256::digest(token(n)));
        writeln!(reviewers, "  - {{ name: reviewer-{n}, token_sha256: \"{digest}\" }}")?;
    }
    let redis = redis.map(|redis| format!("redis: {redis}\n")).unwrap_or_default();
    let Terms { hold, expires, grant, .. } = terms;
    let millis = |span: &Duration| format!("{}ms", span.as_millis());
    Ok(format!(
        "ext_authz: {{ listen: \"127.0.0.1:{gate}\" }}\n\
         admin:\n  listen: \"127.0.0.1:{admin}\"\n  reviewers:\n{reviewers}\
         {redis}\
         identity: {{ caller: [context_extension: caller] }}\n\
         limits: {{ per_caller: 1000000, per_queue: 1000000, total: 1000000 }}\n\
         policy: {{ defaults: {{ queue: load, hold: {}, expires: {}, grant: {} }} }}\n",
        millis(hold),
        millis(expires),
        millis(grant),
    ))
}
