//! What tests stand on: a private PostgreSQL, two tenants with data in every table, the application served.
mod app;
mod database;
mod fixture;
mod tokens;

pub use app::{Answer, TestApp, tuning};
pub use database::TestDb;
pub use fixture::{PASSWORD, Person, TenantFixture, town};
pub use tokens::{Forge, KEYS, forge};
