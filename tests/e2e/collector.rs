//! Stands in for a collector in `make up`: takes what replicas export, and prints the spans.

#![expect(dead_code, reason = "tests use more of these modules")]

#[path = "../it/support/eventually.rs"]
mod eventually;
#[path = "../it/support/otlp.rs"]
mod otlp;

use std::time::Duration;

use tokio::time::sleep;

/// How often it prints what came meanwhile.
const PRINT_EVERY: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() {
    let receiver = otlp::Receiver::start().await;
    println!("{}", receiver.url());
    let mut printed = 0;
    loop {
        let spans = receiver.spans();
        for span in &spans[printed..] {
            println!("{} {} {}", span.trace, span.service, span.name);
        }
        printed = spans.len();
        sleep(PRINT_EVERY).await;
    }
}
