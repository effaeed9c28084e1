//! `/livez` and `/readyz`: is the process alive, and should requests be sent to it?
use std::time::Duration;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    db,
    http::extract::Json,
};

/// How long it waits for a table that somebody has locked against all.
const LOCKED: Duration = Duration::from_millis(300);

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(livez)).routes(routes!(readyz))
}

/// How it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Health {
    /// `ok`.
    status: &'static str,
}

/// How it stands, in full: for whoever runs the platform.
#[derive(Clone, Debug, Serialize)]
struct Details {
    /// `ok`, or the code of the problem that `/readyz` answers.
    status: &'static str,
    /// `indexed`, or `scanned` where the database could not be given the operator that searches need to use an index behind
    /// the walls; they answer the same, slower. Null where nobody could be asked.
    search: Option<&'static str>,
    /// What keeps answers.
    cache: CacheHealth,
}

/// How it stands with what keeps answers. Where it is away, the server goes on without it.
#[derive(Clone, Debug, Serialize)]
struct CacheHealth {
    /// `redis`; `local` where none is configured: this process; or `none`.
    kind: &'static str,
    /// `ok` or `away`.
    status: &'static str,
}

/// Alive.
///
/// Touches nothing: a database that is away is no reason to restart the process.
#[utoipa::path(get, path = "/livez", tag = "public",
    extensions(("x-route" = json!({ "charged": "nobody" }))), responses((status = OK, body = Health)))]
async fn livez() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Json(Health { status: "ok" }))
}

/// Ready to serve.
///
/// Asks the database, as the serving roles, whether it is there and still walled as when it was migrated. 503 as well from
/// the moment the server is told to stop.
#[utoipa::path(get, path = "/readyz", tag = "public",
    extensions(("x-route" = json!({ "charged": "nobody" }))), responses((status = OK, body = Health)))]
async fn readyz(State(app): State<App>) -> Result<impl IntoResponse> {
    ready(&app).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(Health { status: "ok" })))
}

async fn ready(app: &App) -> Result<()> {
    if app.leaving.is_so() {
        return Err(Error::Leaving);
    }
    let app = app.clone();
    // In a task of its own: a caller who hangs up does not make the next one ask again.
    let asked = tokio::spawn(async move { app.readiness.walled.or_ask(ask(&app)).await });
    asked.await.map_err(|error| Error::internal(format!("asking for readiness ended early: {error}")))?
}

async fn ask(app: &App) -> Result<()> {
    let startup_problems =
        db::still_walled(&app.readiness.db, &app.seal("seal_holds", &[Some("")]), Some(LOCKED)).await?;
    for problem in &startup_problems {
        tracing::error!(%problem, "not fit to serve");
    }
    if startup_problems.is_empty() { Ok(()) } else { Err(Error::NotReady(startup_problems.len())) }
}

/// What `/readyz` answers where nobody who calls the API comes: all of it, whether the server is ready or not.
pub(crate) async fn details(app: &App) -> Response {
    let (status, said) = match ready(app).await {
        Ok(()) => (StatusCode::OK, "ok"),
        Err(error) => error.kind(),
    };
    let indexed = app.readiness.indexed.or_ask(db::search_is_indexed(&app.readiness.db)).await;
    let details = Details {
        status: said,
        search: indexed.ok().map(|indexed| if indexed { "indexed" } else { "scanned" }),
        cache: CacheHealth { kind: app.cache.kind(), status: if app.cache.available() { "ok" } else { "away" } },
    };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(details)).into_response()
}
