//! Secrets of webhook endpoints: shown once, kept locked, and replaced while the one before still signs.
use axum::{extract::State, http::header, response::Response};
use rowhouse_pg::new_id;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ENDPOINT, WebhookEndpoint, WebhookEndpointWithSecret};
use crate::{
    Result,
    app::App,
    auth::Tenant,
    db::{Call, Params},
    http::{Early, Path, Post, Tagged, Violations},
    sql,
    webhooks::{keep, sign::Secret},
};

/// The longest that an old secret goes on signing, in hours.
const LONGEST_OVERLAP: u32 = 7 * 24;

/// How to rotate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookSecretRotation {
    /// Hours for which the old secret goes on signing beside the new one; 24 unless said.
    #[schema(minimum = 0, maximum = 168)]
    overlap_hours: Option<u32>,
    /// `whsec_` and 24 to 64 bytes in Base64; a new one unless said.
    #[schema(value_type = Option<String>, max_length = 100)]
    secret: Option<SecretString>,
}

/// One that the caller has given, if any.
pub(super) fn given(violations: &mut Violations, secret: Option<&SecretString>) -> Option<Secret> {
    let read = Secret::read(secret?);
    if read.is_none() {
        violations.push("/secret", "invalid", "must be whsec_ and 24 to 64 bytes in Base64, or be left out");
    }
    read
}

/// That one, or a new one.
pub(super) fn or_new(given: Option<Secret>) -> Result<Secret> {
    given.map_or_else(Secret::generate, Ok)
}

/// Give a webhook endpoint a new secret, shown this once. What is sent is signed with the old one as well for a while.
///
/// Needs `webhooks:write` and `webhooks:read`.
#[utoipa::path(post, path = "/webhooks/{id}/secret", tag = "webhooks",
    extensions(("x-route" = json!({ "shown_once": true }))), params(("id" = Uuid, Path)),
    request_body = WebhookSecretRotation,
    responses((status = OK, body = WebhookEndpointWithSecret, headers(("ETag" = String)))))]
pub(super) async fn rotate(
    tenant: Tenant,
    State(app): State<App>,
    Path(id): Path<Uuid>,
    Post(how, once): Post<WebhookSecretRotation>,
) -> Result<Response, Early> {
    let hours = how.overlap_hours.unwrap_or(24);
    let mut violations = Violations::default();
    if hours > LONGEST_OVERLAP {
        violations.push("/overlap_hours", "out_of_range", format!("must be at most {LONGEST_OVERLAP}"));
    }
    let secret = given(&mut violations, how.secret.as_ref());
    violations.finish()?;
    let (secret, secret_id) = (or_new(secret)?, new_id());
    let kept = keep::lock(app.secrets(), tenant.id().as_uuid(), id, secret_id, &secret)?;
    let (sealed, fingerprint) = (kept.sealed.as_slice(), kept.fingerprint.as_slice());
    let seconds = f64::from(hours) * 3600.0;
    let (end, forget, add): (Params<'_>, Params<'_>, Params<'_>) =
        (&[&id, &seconds], &[&id], &[&id, &secret_id, &sealed, &fingerprint]);
    let before: [Call<'_>; 3] = [
        (sql!("webhooks/end_secret"), end),
        (sql!("webhooks/forget_secrets"), forget),
        (sql!("webhooks/add_secret"), add),
    ];
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let (_, found, done) = attempt.last(before, sql!("webhooks/get"), &[&id]).await?;
    let Some(endpoint) = found.optional::<WebhookEndpoint>()? else {
        return done.refuse(ENDPOINT.missing()).await;
    };
    let shown = WebhookEndpointWithSecret { endpoint, secret: secret.shown().expose_secret().to_owned() };
    done.answer(([(header::CACHE_CONTROL, "no-store".to_owned())], Tagged(shown))).await
}
