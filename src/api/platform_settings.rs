//! `/platform/settings`: what whoever runs the platform has decided for all of it, as far as anybody may know.
use aws_lc_rs::digest;
use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    http::{IfNoneMatch, Versioned},
    platform_settings::{InForce, MAINTENANCE_NOTICE, NAME, SIGNUP_OPEN, SUPPORT_EMAIL},
    sql,
};

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(get))
}

/// What is decided for the whole platform.
#[derive(Debug, Serialize, ToSchema)]
struct PlatformSettings {
    /// The name of the platform.
    #[serde(rename = "platform.name")]
    name: String,
    /// Where people write to for help.
    #[serde(rename = "platform.support_email")]
    support_email: Option<String>,
    /// What everybody is to be told just now.
    #[serde(rename = "platform.maintenance_notice")]
    maintenance_notice: Option<String>,
    /// Whether whoever likes may sign up.
    #[serde(rename = "signup.open")]
    signup_open: bool,
    #[serde(skip)]
    version: i64,
}

impl PlatformSettings {
    fn new(settings: &InForce) -> Result<Self> {
        let mut new = Self {
            name: settings.text(NAME).unwrap_or_default(),
            support_email: settings.text(SUPPORT_EMAIL),
            maintenance_notice: settings.text(MAINTENANCE_NOTICE),
            signup_open: settings.value(SIGNUP_OPEN).as_bool().unwrap_or_default(),
            version: 0,
        };
        // No row has a version for all of them, so what is said is its own: the first 63 bits of SHA-256.
        let said = serde_json::to_vec(&new).map_err(|error| Error::internal(format!("settings: {error}")))?;
        let hash = digest::digest(&digest::SHA256, &said);
        let first = hash.as_ref().iter().take(8).fold(0, |number, byte| number << 8 | i64::from(*byte));
        new.version = first & i64::MAX;
        Ok(new)
    }
}

impl Versioned for PlatformSettings {
    fn version(&self) -> i64 {
        self.version
    }
}

/// Read what is decided for the whole platform.
///
/// For anybody. It may be a minute old.
#[utoipa::path(get, path = "/platform/settings", tag = "public",
    responses((status = OK, body = PlatformSettings), (status = NOT_MODIFIED)))]
async fn get(State(app): State<App>, known: IfNoneMatch) -> Result<Response> {
    let mut conn = app.db.public().await?;
    let stored = conn.read().last().all(sql!("platform_settings/list"), &[]).await?;
    let mut response = known.answer(PlatformSettings::new(&InForce::new(stored))?);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    Ok(response)
}
