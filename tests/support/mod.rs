//! What tests stand on: a private PostgreSQL, two tenants with data in every table, the application served.
mod app;
mod bouncer;
mod database;
mod fixture;
mod tokens;
mod way;

pub use app::{Answer, TestApp, tuning};
pub use bouncer::Bouncer;
pub use database::{TestDb, sockets};
pub use fixture::{PASSWORD, Person, TenantFixture, town};
pub use tokens::{Forge, KEYS, forge};
pub use way::Way;
pub(crate) use way::both_ways;
