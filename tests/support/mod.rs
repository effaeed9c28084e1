//! What tests stand on: a private PostgreSQL, two tenants with data in every table, the application served.
mod app;
mod bouncer;
mod caller;
mod database;
mod fixture;
mod goods;
mod member;
mod names;
mod post;
mod raw;
mod redis;
mod tokens;
mod way;

pub use app::{Answer, TestApp, tuning, without_documents};
pub use bouncer::Bouncer;
pub use caller::Caller;
pub use database::{TestDb, sockets};
pub use fixture::{PASSWORD, Person, TenantFixture, handle, hex, key_of, town};
pub use goods::{CSV, NDJSON, each, product, query};
pub use member::Member;
pub use names::{Mood, Names};
pub use post::PostBox;
pub use raw::Raw;
pub use redis::{TestRedis, Wire, impostor};
pub use tokens::{Forge, KEYS, forge, seal};
pub use way::Way;
pub(crate) use way::both_ways;
