//! People sign in at an issuer: a real provider and a real browser, and tokens forged in every way.

mod command_line;
mod forged;
mod issuer;
mod place;
mod provider;
mod way_back;
