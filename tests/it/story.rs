//! How it must behave, seen end to end: a real agent, Envoy, two replicas with one Redis, and the tool behind them.

mod approved;
mod audited;
mod command_line;
mod embedded;
mod hung_up;
mod our_headers;
mod refused;
mod rejected;
mod replicas;
mod reviewers;
mod serving;
mod shipped;
mod signed_out;
mod strangers;
mod undecided;
