//! The OpenAPI document: what the handlers say of themselves, and what is true of all of them.
mod names;
mod requests;
mod shared;
mod standard;

use std::collections::HashMap;

use axum::{Router, body::Bytes, http::header, response::IntoResponse as _, routing::get};
use serde_json::Value;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};

pub(super) use shared::finish;

use crate::{
    api::{
        events::Begin,
        products::{ImportMode, ProductSort},
    },
    app::App,
    error::Violation,
    http::{export::Format, listing::Sort, problem::Problem},
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rowhouse",
        description = "Many tenants under one roof, a wall between every row. Every request acts inside one tenant, named by the token, the `X-Tenant-ID` header or the host; all that are present must agree. Answers say with `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers) how many requests are left.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(Problem, Violation, Sort, ProductSort, ImportMode, Format, Begin)),
    modifiers(&Bearer),
)]
struct Base;

/// The schemas that have a name, as they are published.
pub(super) fn schemas(document: &utoipa::openapi::OpenApi) -> HashMap<String, Value> {
    let schemas = document.components.iter().flat_map(|components| &components.schemas);
    schemas.map(|(name, schema)| (name.clone(), serde_json::to_value(schema).unwrap_or_default())).collect()
}

struct Bearer;
impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let mut http = Http::new(HttpAuthScheme::Bearer);
        http.bearer_format = Some("JWT".to_owned());
        openapi
            .components
            .get_or_insert_with(Default::default)
            .add_security_scheme("bearer", SecurityScheme::Http(http));
    }
}

pub(super) fn base() -> utoipa::openapi::OpenApi {
    Base::openapi()
}

/// The finished document, for the snapshot in openapi.json.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    finish(super::router::routes().into_openapi())
}

/// `GET /api/v1/openapi.json`.
pub(super) fn served(openapi: &utoipa::openapi::OpenApi) -> Router<App> {
    let body = Bytes::from(openapi.to_json().unwrap_or_default());
    Router::new().route(
        "/api/v1/openapi.json",
        get(move || {
            let body = body.clone();
            async move {
                let headers =
                    [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
                (headers, body).into_response()
            }
        }),
    )
}

/// Interactive documentation; every asset comes from the binary. Images for production are built without it.
#[cfg(feature = "interactive-docs")]
pub(super) fn docs(openapi: utoipa::openapi::OpenApi) -> Router<App> {
    utoipa_swagger_ui::SwaggerUi::new("/docs").url("/docs/openapi.json", openapi).into()
}
