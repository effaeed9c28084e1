//! HTTP: what every resource shares. The router is here; each resource brings its own routes.
pub mod accept;
mod address;
mod body;
mod connection;
mod cors;
mod edge;
pub mod etag;
pub mod export;
pub mod extract;
pub mod idempotency;
mod json;
pub mod letter;
mod limit;
mod methods;
mod openapi;
pub mod operation;
pub mod page;
pub mod patch;
mod patience;
mod places;
pub mod prefer;
mod problem;
pub mod room;
mod server;
pub mod session;
mod shape;
mod socket;
pub mod spool;
pub mod turns;
mod unread;
mod untaken;
pub mod upload;
pub mod validate;
pub mod waits;
pub mod workshop;

pub use connection::Leaving;
pub use cors::origin;
pub use edge::EdgeLimits;
pub use openapi::document;
pub use server::{Serving, serve};
pub use untaken::Untaken;

use std::sync::Arc;

use axum::{Router, extract::MatchedPath, http::Method, middleware, response::IntoResponse as _};
use utoipa_axum::router::OpenApiRouter;

use self::methods::Methods;
use crate::{App, Error, resources};

/// Every route with its entry in the OpenAPI document.
fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::base())
        .merge(resources::health::routes())
        .merge(resources::jwks::routes())
        .nest(
            "/api/v1",
            OpenApiRouter::new()
                .merge(resources::signup::routes())
                .merge(resources::platform_settings::routes())
                .merge(resources::login::routes())
                .merge(resources::password::routes())
                .merge(resources::invited::routes())
                .merge(resources::me::routes())
                .merge(resources::sessions::routes())
                .merge(resources::account_events::routes())
                .merge(resources::totp::routes())
                .merge(resources::tenants::routes())
                .merge(resources::tenant::routes())
                .merge(resources::settings::routes())
                .merge(resources::domains::routes())
                .merge(resources::members::routes())
                .merge(resources::roles::routes())
                .merge(resources::invitations::routes())
                .merge(resources::api_keys::routes())
                .merge(resources::notifications::routes())
                .merge(resources::projects::routes())
                .merge(resources::project_tasks::routes())
                .merge(resources::products::routes())
                .merge(resources::operations::routes())
                .merge(resources::dashboard::routes()),
        )
}

/// The whole application: routes, documents, and the edge that every request passes.
pub fn router(app: &App) -> Router {
    let (mut router, document) = api().split_for_parts();
    let document = openapi::finish(document);
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
        .layer(middleware::from_fn_with_state(app.clone(), limit::limit))
        .layer(middleware::from_fn_with_state(app.clone(), edge::edge));
    // Outside of all: a preflight says nothing of who asks.
    let router = match cors::layer(&app.settings.origins) {
        Some(layer) => router.layer(middleware::from_fn_with_state(layer, cors::cors)),
        None => router,
    };
    router.with_state(app.clone())
}
