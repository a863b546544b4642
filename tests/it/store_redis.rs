//! What only the Redis store does: connections that break, messages that are lost, replicas that die.

mod chains;
mod connections;
mod leases;
mod messages;
mod records;
