//! What Redis can do at all: a script that writes a record, its place in a list and what happened, and nothing else.

use std::time::Duration;

use anyhow::{Context, ensure};
use redis::{AsyncConnectionConfig, Script};
use tokio::process::Command;

/// The three writes that a park cannot do without.
const BARE: &str = "redis.call('HSET', KEYS[1], 'body', ARGV[1], 'state', 'pending')
redis.call('ZADD', KEYS[2], ARGV[2], KEYS[1])
return redis.call('XADD', KEYS[3], '*', 'id', KEYS[1])";

/// Calls of the script that are made, and how many at once.
const CALLS: &str = "100000";
const AT_ONCE: &str = "50";

/// How long one command of ours may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// In this one nobody else has anything.
const DATABASE: i64 = 1;

/// How often in a second redis-benchmark can call it on this Redis, with a body of this size.
pub async fn rate(port: u16, body: usize) -> anyhow::Result<f64> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/{DATABASE}"))?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    let script = Script::new(BARE);
    script.prepare_invoke().load_async(&mut connection).await?;
    let benchmark = Command::new("redis-benchmark")
        .args([
            "-p",
            &port.to_string(),
            "--dbnum",
            &DATABASE.to_string(),
            "-n",
            CALLS,
            "-c",
            AT_ONCE,
            "-r",
            CALLS,
            "--csv",
        ])
        .args(["EVALSHA", script.get_hash(), "3"])
        .args(["{bare}:__rand_int__", "{bare}:open", "{bare}:log"])
        .args([&"x".repeat(body), "1"])
        .output();
    let output = benchmark.await.context("redis-benchmark does not start: it comes with Redis")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "redis-benchmark fails: {text}");
    redis::cmd("FLUSHDB").exec_async(&mut connection).await?;
    read(&text).with_context(|| format!("redis-benchmark says {text:?}"))
}

/// The last line has the calls a second behind the command.
fn read(csv: &str) -> Option<f64> {
    csv.lines().last()?.split("\",\"").nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_behind_the_command() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\"\n\
                   \"EVALSHA abc 3 {bare}:__rand_int__\",\"41928.72\",\"0.9\",\"0.1\"\n";
        assert_eq!(read(csv), Some(41928.72));
        assert_eq!(read("ERR no such script"), None);
    }
}
