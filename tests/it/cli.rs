//! The real `holdpoint` binary as a reviewer's command line.
//!
//! What it says and how it ends is tested here against scripted answers, because a service gives most of them only in
//! rare moments. That service and command line understand each other is tested with the real service, elsewhere.

mod acting;
mod deciding;
mod reading;
mod scripted;
mod watching;
