//! What traces, metrics and logs tell, received as a collector receives it.

mod collector;
mod dashboards;
mod environment;
pub mod metrics;
mod story;
mod told;
