//! The router: every resource's routes, in the document as well, behind the layers that all requests pass.
use std::sync::Arc;

use axum::{Router, extract::MatchedPath, http::Method, middleware, response::IntoResponse as _};
use utoipa_axum::router::OpenApiRouter;

use super::{cors, edge, facts::Routes, methods::Methods, openapi, rate_limit};
use crate::{Error, api, app::App, http::schema_check};

/// Every route with its entry in the OpenAPI document.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::base()).merge(api::health::routes()).merge(api::jwks::routes()).nest(
        "/api/v1",
        OpenApiRouter::new()
            .merge(api::signup::routes())
            .merge(api::platform_settings::routes())
            .merge(api::login::routes())
            .merge(api::password::routes())
            .merge(api::invitation_acceptance::routes())
            .merge(api::me::routes())
            .merge(api::sessions::routes())
            .merge(api::account_events::routes())
            .merge(api::totp::routes())
            .merge(api::tenants::routes())
            .merge(api::tenant::routes())
            .merge(api::settings::routes())
            .merge(api::domains::routes())
            .merge(api::members::routes())
            .merge(api::roles::routes())
            .merge(api::invitations::routes())
            .merge(api::api_keys::routes())
            .merge(api::notifications::routes())
            .merge(api::projects::routes())
            .merge(api::project_tasks::routes())
            .merge(api::products::routes())
            .merge(api::operations::routes())
            .merge(api::dashboard::routes()),
    )
}

/// The whole application: routes, documents, and the edge that every request passes.
pub fn router(app: &App) -> Router {
    let (mut router, document) = routes().split_for_parts();
    let facts = Arc::new(Routes::of(&document));
    let document = openapi::finish(document);
    schema_check::publish(|| openapi::schemas(&document));
    let methods = Arc::new(Methods::of(&document));
    if app.settings.documents {
        router = router.merge(openapi::served(&document));
        #[cfg(feature = "interactive-docs")]
        {
            router = router.merge(openapi::docs(document));
        }
    }
    let router = router
        .fallback(|| async { Error::NoRoute.into_response() })
        .method_not_allowed_fallback(async move |method: Method, route: Option<MatchedPath>| {
            methods.answer(&method, route.as_ref())
        })
        .layer(axum::extract::DefaultBodyLimit::max(app.settings.edge.body_bytes))
        .layer(middleware::from_fn_with_state((app.clone(), facts.clone()), rate_limit::limit))
        .layer(middleware::from_fn_with_state((app.clone(), facts), edge::edge));
    // Outside of all: a preflight says nothing of who asks.
    let router = match cors::layer(&app.auth.settings.origins) {
        Some(layer) => router.layer(middleware::from_fn_with_state(layer, cors::cors)),
        None => router,
    };
    router.with_state(app.clone())
}
