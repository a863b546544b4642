//! The admin side, over real HTTP.

mod acting;
mod api;
mod audit;
mod batch;
mod contract;
mod field_guide;
mod health;
mod identity;
mod kept;
mod live;
mod origin;
mod page;
mod precedents;
mod proxy;
mod refusals;
pub mod site;
mod tokens;
mod watching;
