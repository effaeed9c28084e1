//! `/.well-known/jwks.json`: the public halves of the signing keys (RFC 7517).
use axum::{extract::State, http::header, response::IntoResponse};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, http::extract::Json};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(jwks))
}

/// The keys our access tokens verify with.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "public",
    responses((status = OK, body = serde_json::Value, description = "A JWK Set, RFC 7517")))]
async fn jwks(State(app): State<App>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(app.tokens.keys().jwks().clone()))
}
