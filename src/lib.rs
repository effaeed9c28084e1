//! Rowhouse: many tenants under one roof, a wall between every row.
//!
//! The walls stand in PostgreSQL (`sql/policies`); this crate is a thin door in front of them.
//!
//! * [`db`] reaches PostgreSQL and is the only module that does: pools, what errors mean, migrations. Its connections and
//!   transactions are made in [`rowhouse_walls`]; what operators and tools connect with is [`rowhouse_pg`].
//! * [`auth`] turns a token into a [`auth::Tenant`] and is the only maker of the ids that open something.
//! * [`cache`] keeps answers to tenants, in Redis or in this process.
//! * [`limits`] counts requests; [`redis`] is what it and the cache ask.
//! * [`http`] is the toolkit that all routes take from; [`api`] are the routes, one file each; [`app`] is what they are given.
//! * [`server`] stands above: router, limits, the document, sockets, figures. [`compose`] puts all of it together.
//! * [`jobs`] is work that is done after the transaction that caused it.
//! * [`events`] is what happens in a tenant, told by the transaction in which it happens.
//! * [`notifications`] is what a member is told; [`live`] sends it, and events, to whoever follows.
//! * [`mail`] sends letters, [`dns`] looks up TXT records.
//! * [`webhooks`] signs and dials what is sent to addresses that tenants name.
//! * [`platform_settings`] are the keys that whoever runs the platform decides.
//! * [`cli`] are the commands; those that audit and attack any database are [`rowhouse_audit`].
//!
//! Who may import whom, and why, is in docs/architecture.md.
pub mod api;
pub mod app;
pub mod auth;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod compose;
pub mod currency;
pub mod db;
mod digest;
pub mod dns;
pub mod error;
pub mod events;
pub mod http;
pub mod jobs;
pub mod limits;
mod line;
pub mod live;
pub mod mail;
pub mod notifications;
pub mod platform_settings;
mod polite;
pub mod redis;
pub mod server;
pub mod settings;
mod slug;
pub mod telemetry;
mod text_enum;
pub mod wake;
pub mod webhooks;
pub mod work;

pub use error::{Error, Result};
pub use rowhouse_pg::{from_row, sql};
