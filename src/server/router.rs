//! The application: every resource's routes, in the document as well, behind the edge that all requests pass.
use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse as _, Response},
};
use tower_http::cors::CorsLayer;
use utoipa_axum::router::OpenApiRouter;

use super::{connection::Answer, cors, deadline::Deadline, edge, facts::Routes, openapi};
use crate::{
    Error, api,
    app::{App, Endpoints},
    http::schema_check,
};

/// Every route with its entry in the OpenAPI document.
pub(super) fn routes() -> OpenApiRouter<App> {
    let below_api = [
        api::signup::routes(),
        api::platform_settings::routes(),
        api::login::routes(),
        api::password::routes(),
        api::invitation_acceptance::routes(),
        api::me::routes(),
        api::sessions::routes(),
        api::account_events::routes(),
        api::totp::routes(),
        api::tenants::routes(),
        api::tenant::routes(),
        api::settings::routes(),
        api::billing::routes(),
        api::domains::routes(),
        api::members::routes(),
        api::roles::routes(),
        api::invitations::routes(),
        api::api_keys::routes(),
        api::notifications::routes(),
        api::projects::routes(),
        api::project_tasks::routes(),
        api::products::routes(),
        api::audit_log::routes(),
        api::jobs::routes(),
        api::operations::routes(),
        api::events::routes(),
        api::live::routes(),
        api::webhooks::routes(),
        api::dashboard::routes(),
        api::invoices::routes(),
    ];
    let at_root = [api::health::routes(), api::jwks::routes()].map(|endpoints| ("", endpoints));
    let all = at_root.into_iter().chain(below_api.map(|endpoints| ("/api/v1", endpoints)));
    let below = |router, (prefix, endpoints): (&str, Endpoints)| endpoints.below(prefix, router);
    all.fold(OpenApiRouter::with_openapi(openapi::base()), below)
}

/// The whole application: routes, documents, and the edge that every request passes.
///
/// The edge is no layer of the router: around each of its routes the framework puts every layer into a box of its own, and
/// copies all of them for each request.
#[derive(Clone)]
pub struct Application(Arc<Parts>);

struct Parts {
    app: App,
    routes: Routes,
    router: Router,
    cors: Option<CorsLayer>,
}

/// Puts the application together.
#[must_use]
pub fn application(app: &App) -> Application {
    extended(app, Router::new())
}

/// The same, with routes beside the real ones.
#[must_use]
pub fn extended(app: &App, more: Router<App>) -> Application {
    let (mut router, document) = routes().split_for_parts();
    let facts = Routes::of(&document);
    let document = openapi::finish(document);
    schema_check::publish(|| openapi::schemas(&document));
    if app.settings.documents {
        router = router.merge(openapi::served(&document));
        #[cfg(feature = "interactive-docs")]
        {
            router = router.merge(openapi::docs(document));
        }
    }
    let router = router
        .merge(more)
        .fallback(|| async { Error::NoRoute.into_response() })
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed.into_response() })
        .with_state(app.clone());
    Application(Arc::new(Parts {
        app: app.clone(),
        routes: facts,
        router,
        cors: cors::layer(&app.auth.settings.origins),
    }))
}

impl Answer for Application {
    async fn answer(&self, request: Request, deadline: &Deadline) -> Response {
        let Parts { app, routes, router, cors } = &*self.0;
        let within = async |request: Request| {
            let route = routes.at(request.uri().path());
            edge::answer(app, route, router, request, deadline).await
        };
        match cors {
            // Outside of all: a preflight says nothing of who asks.
            Some(layer) => Box::pin(cors::answer(layer, request, within)).await,
            None => within(request).await,
        }
    }
}
