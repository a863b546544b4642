//! People sign in at an issuer: a real provider and a real browser, and tokens forged in every way.

mod forged;
mod issuer;
mod provider;
mod way_back;
