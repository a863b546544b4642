//! Human approval for MCP tool calls, enforced at the gateway.
//!
//! Six layers; a module uses modules of lower layers only:
//!
//! ```text
//! 5  main · cli · server    args and commands; builds everything, serves, drains
//! 4  ext_authz | admin      what the gateway sees | what reviewers see
//! 3  approvals | audit      hold, decide, sweep: what this service does | the proof of it
//! 2  config | store         what the operator said | where approvals live
//! 1  clock | telemetry      the time | logs, traces, metrics
//! 0  domain                 call, ruling, approval, decision, outcome: no I/O, no async, no wire format
//! ```
//!
//! The words: a *call* is what an agent wants to do, its *caller* on whose behalf. A *ruling* is what policy says of
//! it: pass, deny or hold. To *park* is to write a held call down; a *waiter* waits for it in this process. An
//! *approval* is the record of one held call; a *reviewer* takes a *decision* on it. To *settle* is to end an
//! approval, to *release* is to let its call through, once. A *grant* is an approval given while nobody waits, good for
//! one identical call. An *act* is what a person does beside deciding: cancel, revoke, extend. The *fingerprint* binds
//! approval and call. A *doorbell* is a hint that something changed, a *lease* a replica's sign of life, the *sweep* ends
//! what is overdue. A *fact* is what happened; with its place in a *chain* it is an *entry*, and a *notary* signs
//! *checkpoints* of that.

pub mod admin;
pub mod approvals;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod ext_authz;
pub mod server;
pub mod store;
pub mod telemetry;
