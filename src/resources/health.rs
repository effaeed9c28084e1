//! `/livez` and `/readyz`: is the process alive, and should requests be sent to it?
use std::time::{Duration, Instant};

use axum::{extract::State, http::header, response::IntoResponse};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App, Error, Result, db,
    http::extract::{Json, Query},
};

/// How long an answer of `/readyz` stands: asking often does not make the database work often.
const FRESH: Duration = Duration::from_secs(1);

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(livez)).routes(routes!(readyz))
}

/// How it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Health {
    /// `ok`.
    status: &'static str,
    /// With `verbose`: `indexed`, or `scanned` where the database could not be given the operator that searches need to use
    /// an index behind the walls; they answer the same, slower.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    search: Option<&'static str>,
    /// With `verbose`: what keeps answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cache: Option<CacheHealth>,
}

/// How it stands with what keeps answers. Where it is away, the server goes on without it.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct CacheHealth {
    /// `redis`; `local` where none is configured: this process; or `none`.
    kind: &'static str,
    /// `ok` or `away`.
    status: &'static str,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReadyQuery {
    /// Tell more, whatever its value.
    verbose: Option<String>,
}

/// The last answer of `/readyz`.
#[derive(Debug, Default)]
pub struct Readiness(Mutex<Option<(Instant, Result<()>)>>);

/// Alive.
///
/// Touches nothing: a database that is away is no reason to restart the process.
#[utoipa::path(get, path = "/livez", tag = "public", responses((status = OK, body = Health)))]
async fn livez() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Json(Health { status: "ok", search: None, cache: None }))
}

/// Ready to serve.
///
/// Asks the database, as the serving role, whether it is there and still walled as when it was migrated.
#[utoipa::path(get, path = "/readyz", tag = "public", params(ReadyQuery), responses((status = OK, body = Health)))]
async fn readyz(State(app): State<App>, Query(query): Query<ReadyQuery>) -> Result<impl IntoResponse> {
    let verbose = query.verbose.map(|_| app.clone());
    // In a task of its own: a caller who hangs up does not make the next one ask again.
    let asked = tokio::spawn(async move {
        let mut last = app.readiness.0.lock().await;
        match &*last {
            Some((when, answer)) if when.elapsed() < FRESH => answer.clone(),
            _ => {
                let answer = ask(&app).await;
                *last = Some((Instant::now(), answer.clone()));
                answer
            }
        }
    });
    asked.await.map_err(|error| Error::internal(format!("asking for readiness ended early: {error}")))??;
    let mut health = Health { status: "ok", search: None, cache: None };
    if let Some(app) = verbose {
        health.search = Some(if db::search_is_indexed(&app.db).await? { "indexed" } else { "scanned" });
        health.cache =
            Some(CacheHealth { kind: app.cache.kind(), status: if app.cache.is_there() { "ok" } else { "away" } });
    }
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(health)))
}

async fn ask(app: &App) -> Result<()> {
    let complaints = db::still_walled(&app.db, &app.settings.role).await?;
    for complaint in &complaints {
        tracing::error!(%complaint, "not fit to serve");
    }
    if complaints.is_empty() { Ok(()) } else { Err(Error::NotReady(complaints.len())) }
}
