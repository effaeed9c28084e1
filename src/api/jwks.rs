//! `/.well-known/jwks.json`: the public halves of the signing keys (RFC 7517).
use axum::{extract::State, http::header, response::IntoResponse};
use jsonwebtoken::jwk::Jwk;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    app::{App, Endpoints},
    http::extract::Json,
};

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(jwks))
}

/// A JWK Set (RFC 7517 §5).
#[derive(Serialize, ToSchema)]
struct JwkSet {
    /// Each with `kty`, `kid` and what verifying takes (RFC 8037 §2).
    #[schema(value_type = Vec<Object>)]
    keys: Vec<Jwk>,
}

/// The keys our access tokens verify with.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "public",
    extensions(("x-route" = json!({ "charged": "nobody" }))), responses((status = OK, body = JwkSet)))]
async fn jwks(State(app): State<App>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(JwkSet { keys: app.auth.tokens.keys().jwks().keys }))
}
