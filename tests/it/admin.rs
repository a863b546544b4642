//! The admin side, over real HTTP.

mod acting;
mod api;
mod batch;
mod field_guide;
mod health;
mod identity;
mod live;
mod origin;
mod page;
pub mod site;
mod watching;
