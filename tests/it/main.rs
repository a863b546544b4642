//! The one integration binary: real processes, real Redis, real gateways.

mod admin;
