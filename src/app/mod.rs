//! What a request may need, shared by all of them: the state of the router. It knows the parts and nobody who takes from them.
mod endpoints;
mod readiness;

use std::{ops::Deref, sync::Arc, time::Duration};

use axum::extract::FromRef;

use crate::{
    auth::{Authn, Secrets},
    cache::Cache,
    db::Db,
    dns::TxtLookup,
    http::{Leaving, Untaken, extract::BodyLimits, idempotency::Keeper, transfers::Transfers},
    limits::RateLimits,
    live::Hub,
    wake::Wake,
    webhooks::Rules,
};

pub use endpoints::Endpoints;
pub use readiness::Readiness;

/// What a request may need.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of an [`App`].
pub struct Parts {
    /// Knows who asks.
    pub auth: Authn,
    /// Access to PostgreSQL as the serving roles.
    pub db: Db,
    /// Looks up TXT records.
    pub dns: Box<dyn TxtLookup>,
    /// Keeps answers.
    pub cache: Cache,
    /// Counts requests.
    pub limits: Arc<RateLimits>,
    /// Where work that outlives its request is done.
    pub transfers: Transfers,
    /// What was configured.
    pub settings: AppSettings,
    /// The last answer of `/readyz`.
    pub readiness: Readiness,
    /// Answers that are under way to tenants.
    pub untaken: Untaken,
    /// Tells and hears in which tenants something was written.
    pub wake: Wake,
    /// Who follows what happens.
    pub live: Hub,
    /// Whether the server is about to go.
    pub leaving: Leaving,
}

/// What the running application looks up.
#[derive(Clone, Debug)]
pub struct AppSettings {
    /// Whether the OpenAPI document and `/docs` are served.
    pub documents: bool,
    /// What one request may take.
    pub edge: EdgeLimits,
    /// Bytes a file of products may have.
    pub import_bytes: u64,
    /// Where webhooks may be sent.
    pub webhooks: Rules,
}

/// What one request may take.
#[derive(Clone, Copy, Debug)]
pub struct EdgeLimits {
    /// Bytes of body.
    pub body_bytes: usize,
    /// Bytes of path and query together.
    pub uri_bytes: usize,
    /// Time from the last byte of the head to the first byte of the answer.
    pub time: Duration,
    /// The same where a file is sent.
    pub upload_time: Duration,
}

impl Default for EdgeLimits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            uri_bytes: 8 << 10,
            time: Duration::from_secs(10),
            upload_time: Duration::from_mins(30),
        }
    }
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// What only our servers know.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        self.auth.secrets()
    }

    /// Seals what was verified, for a door of the database that asks for it: its name and its fields.
    #[must_use]
    pub fn seal(&self, door: &str, fields: &[Option<&str>]) -> String {
        self.auth.seal(door, fields)
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl FromRef<App> for Authn {
    fn from_ref(app: &App) -> Self {
        app.auth.clone()
    }
}

impl FromRef<App> for BodyLimits {
    fn from_ref(app: &App) -> Self {
        Self { bytes: app.settings.edge.body_bytes, time: app.settings.edge.time / 2 }
    }
}

impl FromRef<App> for Keeper {
    fn from_ref(app: &App) -> Self {
        Self { auth: app.auth.clone(), limits: app.limits.clone() }
    }
}
