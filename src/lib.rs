//! Rowhouse: many tenants under one roof, a wall between every row.
//!
//! The walls stand in PostgreSQL (`sql/policies`); this crate is a thin door in front of them.
//!
//! * [`db`] reaches PostgreSQL and is the only module that does: pool, transactions, migrations. What operators
//!   and tools connect with is [`rowhouse_pg`].
//! * [`auth`] turns a token into a [`auth::Tenant`] and is the only maker of the ids that open something.
//! * [`cache`] keeps answers to tenants, in Redis or in this process.
//! * [`limits`] counts requests; [`redis`] is what it and the cache ask.
//! * [`http`] is what all routes share; [`api`] are the routes, one file each; [`server`] is what stands around them.
//! * [`mail`] sends letters, [`dns`] looks up TXT records.
//! * [`compose`] puts the parts together as [`settings`] say.
//! * [`platform_settings`] are the keys that whoever runs the platform decides.
//! * [`cli`] are the commands; those that audit and attack any database are [`rowhouse_audit`].
//!
//! Who may import whom, and why, is in docs/architecture.md.
pub mod api;
pub mod auth;
pub mod cache;
pub mod cli;
pub mod compose;
pub mod currency;
pub mod db;
pub mod dns;
pub mod error;
pub mod http;
pub mod limits;
pub mod mail;
pub mod platform_settings;
mod polite;
pub mod redis;
pub mod server;
pub mod settings;
mod slug;
pub mod telemetry;
mod text_enum;

use std::{ops::Deref, sync::Arc};

pub use error::{Error, Result};
pub use rowhouse_pg::sql;

/// What a request needs, shared by all of them.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of an [`App`].
pub struct Parts {
    /// Access to PostgreSQL as the serving role.
    pub db: db::Db,
    /// Issues and verifies access tokens.
    pub tokens: auth::Tokens,
    /// Checks passwords.
    pub passwords: auth::Passwords,
    /// Which host stands for which tenant.
    pub hosts: auth::Hosts,
    /// Notes when keys and sessions were last used.
    pub uses: auth::Uses,
    /// Sessions and keys that are known to have ended.
    pub ended: auth::Ended,
    /// Sends letters.
    pub post: mail::Post,
    /// Looks up TXT records.
    pub dns: Box<dyn dns::TxtLookup>,
    /// Keeps answers.
    pub cache: cache::Cache,
    /// Counts requests.
    pub limits: limits::RateLimits,
    /// Where work that outlives its request is done.
    pub workshop: http::workshop::Workshop,
    /// What was configured.
    pub settings: settings::Settings,
    /// The last answer of `/readyz`.
    pub readiness: api::health::Readiness,
    /// Answers that are under way to tenants.
    pub untaken: server::Untaken,
    /// Whether the server is about to go.
    pub leaving: server::Leaving,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// What only our servers know.
    #[must_use]
    pub fn secrets(&self) -> &auth::Secrets {
        self.tokens.keys().secrets()
    }

    /// Seals what was verified, for a door of the database that asks for it: its name and its fields.
    #[must_use]
    pub fn seal(&self, door: &str, fields: &[Option<&str>]) -> String {
        self.tokens.keys().seal(door, fields)
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
