//! The page in a real browser, on replicas with a real Redis.

mod signing_in;
