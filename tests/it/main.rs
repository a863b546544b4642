//! The one integration binary: real processes, real Redis, real gateways.

mod e2e_processes;
mod support;
