//! The admin side, over real HTTP.

mod api;
mod audit;
mod field_guide;
mod health;
mod identity;
mod live;
mod origin;
mod page;
mod site;
