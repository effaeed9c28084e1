//! What it takes to know who asks. Whatever is behind an [`Authn`] is of the whole process and shared by all requests; extractors take it
//! from any state that has one.
use std::{ops::Deref, sync::Arc};

use axum::http::HeaderValue;

use rowhouse_walls::{Principal, TenantId};

use super::{Ended, Hosts, LastUsed, Lifetimes, Passwords, Secrets, Tokens};
use crate::db::{Db, Share};

/// What it takes to know who asks.
#[derive(Clone)]
pub struct Authn(Arc<AuthnParts>);

/// The parts of an [`Authn`].
pub struct AuthnParts {
    /// Where PostgreSQL is asked.
    pub db: Db,
    /// Issues and verifies access tokens.
    pub tokens: Tokens,
    /// Checks passwords.
    pub passwords: Passwords,
    /// Which host stands for which tenant.
    pub hosts: Hosts,
    /// Notes when keys and sessions were last used.
    pub uses: LastUsed,
    /// Sessions and keys that are known to have ended.
    pub ended: Ended,
    /// Says from whose share of the connections a caller takes one.
    pub shares: Arc<dyn Shares>,
    /// What was configured.
    pub settings: AuthSettings,
}

/// What was configured about people and where they come from.
#[derive(Clone, Debug)]
pub struct AuthSettings {
    /// Pages of these origins may call the API from a browser.
    pub origins: Vec<HeaderValue>,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
    /// How many proxies of our own add to `X-Forwarded-For`.
    pub trusted_proxies: usize,
}

/// From whose share of the connections a caller takes one.
pub trait Shares: Send + Sync {
    /// The tenant's where the caller is known to be somebody there; else their own, or that of all strangers.
    fn share(&self, tenant: TenantId, principal: Principal) -> Share;
}

impl Authn {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: AuthnParts) -> Self {
        Self(Arc::new(parts))
    }

    /// What only our servers know.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        self.tokens.keys().secrets()
    }

    /// Seals what was verified, for a door of the database that asks for it: its name and its fields.
    #[must_use]
    pub fn seal(&self, door: &str, fields: &[Option<&str>]) -> String {
        self.tokens.keys().seal(door, fields)
    }
}

impl Deref for Authn {
    type Target = AuthnParts;

    fn deref(&self) -> &AuthnParts {
        &self.0
    }
}
