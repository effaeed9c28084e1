//! The minimal handler: what somebody would write who wants these three answers fast and nothing else.
//! The same statements in the same pipelined transaction behind the same walls; tokens verified once.
//! No log, no limits, no problem documents, no ETag, no sealed cursors, nothing thrown away or refused
//! with a reason.
#![expect(clippy::disallowed_types, reason = "stands outside the house, and shows what the house costs")]

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    routing,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use clap::Args;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use rowhouse::{auth::Keys, error::Failure};
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use tokio_postgres::{NoTls, Row, types::ToSql};
use uuid::Uuid;

use crate::token::{AUDIENCE, Claims, ISSUER};

const LIST: &str = include_str!("../../sql/queries/projects/list_newest.sql");
const GET: &str = include_str!("../../sql/queries/projects/get.sql");
/// As many bytes of long texts as a page may have: what the product asks for as well.
pub(crate) const BYTES: i64 = 3 << 19;
const INSERT: &str = include_str!("../../sql/queries/projects/insert.sql");

#[derive(Args)]
pub(crate) struct Minimal {
    #[arg(long)]
    database_url: String,
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    keys: PathBuf,
    #[arg(long)]
    pool: usize,
}

impl Minimal {
    pub(crate) async fn run(&self) -> Result<(), Failure> {
        let wrong = |error: &dyn std::fmt::Display| Failure(format!("the minimal handler cannot start: {error}"));
        let config = self.database_url.parse().map_err(|error| wrong(&error))?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, NoTls, recycling);
        let pool = Pool::builder(manager).max_size(self.pool).build().map_err(|error| wrong(&error))?;

        let keys = Keys::read(&self.keys)?;
        let jwks = keys.jwks();
        let jwk = jwks.keys.first().ok_or_else(|| wrong(&"no key"))?;
        let key = DecodingKey::from_jwk(jwk).map_err(|error| wrong(&error))?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);

        let app = Arc::new(App { pool, key, validation, verified: RwLock::default() });
        let router = Router::new()
            .route("/api/v1/projects", routing::get(list).post(create))
            .route("/api/v1/projects/{id}", routing::get(get))
            .with_state(app);
        let listener = tokio::net::TcpListener::bind(self.listen).await?;
        Ok(axum::serve(listener, router).await?)
    }
}

struct App {
    pool: Pool,
    key: DecodingKey,
    validation: Validation,
    verified: RwLock<HashMap<String, Arc<Claims>>>,
}

type Answer<T> = Result<T, StatusCode>;

impl App {
    fn caller(&self, headers: &HeaderMap) -> Answer<Arc<Claims>> {
        let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let token = token.ok_or(StatusCode::UNAUTHORIZED)?;
        if let Some(claims) = self.verified.read().unwrap_or_else(PoisonError::into_inner).get(token) {
            let valid = claims.exp > rowhouse::clock::now().as_second();
            return if valid { Ok(claims.clone()) } else { Err(StatusCode::UNAUTHORIZED) };
        }
        let verified = decode::<Claims>(token, &self.key, &self.validation).map_err(|_| StatusCode::UNAUTHORIZED)?;
        let claims = Arc::new(verified.claims);
        self.verified.write().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned(), claims.clone());
        Ok(claims)
    }

    async fn rows(&self, caller: &Claims, mode: &str, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Answer<Vec<Row>> {
        let client = self.pool.get().await.map_err(failed)?;
        let statement = client.prepare_cached(sql).await.map_err(failed)?;
        let Claims { tid, sub, sid, .. } = caller;
        let preamble = format!(
            "begin{mode}; set local app.tenant_id = '{tid}'; set local app.user_id = '{sub}'; set local app.session_id = '{sid}'"
        );
        let (begun, rows, committed) = tokio::join!(
            biased;
            client.batch_execute(&preamble),
            client.query(&statement, params),
            client.batch_execute("commit"),
        );
        begun.and(committed).and(rows).map_err(failed)
    }
}

fn failed(_: impl std::error::Error) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

#[derive(Serialize)]
struct Project {
    id: Uuid,
    name: String,
    description: Option<String>,
    status: String,
    owner_id: Option<Uuid>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<&Row> for Project {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get(0),
            name: row.get(1),
            description: row.get(2),
            status: row.get(3),
            owner_id: row.get(4),
            created_at: row.get(5),
            updated_at: row.get(6),
        }
    }
}

#[derive(Deserialize)]
struct PageQuery {
    limit: Option<usize>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Page {
    items: Vec<Project>,
    next_cursor: Option<String>,
}

async fn list(State(app): State<Arc<App>>, headers: HeaderMap, Query(query): Query<PageQuery>) -> Answer<Json<Page>> {
    let caller = app.caller(&headers)?;
    let cursor = query.cursor.and_then(|cursor| Uuid::from_slice(&BASE64.decode(cursor).ok()?).ok());
    let (after, limit) = (cursor.unwrap_or(Uuid::max()), query.limit.unwrap_or(50).min(200));
    let fetch = i64::try_from(limit + 1).map_err(failed)?;
    let rows = app.rows(&caller, " read only", LIST, &[&caller.tid, &after, &fetch, &BYTES]).await?;
    let items: Vec<Project> = rows.iter().take(limit).map(Project::from).collect();
    let last = items.last().filter(|_| rows.len() > limit);
    let next_cursor = last.map(|project| BASE64.encode(project.id));
    Ok(Json(Page { items, next_cursor }))
}

async fn get(State(app): State<Arc<App>>, headers: HeaderMap, Path(id): Path<Uuid>) -> Answer<Json<Project>> {
    let caller = app.caller(&headers)?;
    let rows = app.rows(&caller, " read only", GET, &[&caller.tid, &id]).await?;
    rows.first().map(|row| Json(row.into())).ok_or(StatusCode::NOT_FOUND)
}

#[derive(Deserialize)]
struct NewProject {
    name: String,
    description: Option<String>,
    status: Option<String>,
    owner_id: Option<Uuid>,
}

async fn create(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Json(new): Json<NewProject>,
) -> Answer<(StatusCode, Json<Project>)> {
    let caller = app.caller(&headers)?;
    let id = new_id();
    let status = new.status.as_deref().unwrap_or("active");
    let values: [&(dyn ToSql + Sync); 6] = [&caller.tid, &id, &new.name, &new.description, &status, &new.owner_id];
    let rows = app.rows(&caller, "", INSERT, &values).await?;
    rows.first().map(|row| (StatusCode::CREATED, Json(row.into()))).ok_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The statements are the product's: whoever adds a parameter to one adds it here, and to pgbench.rs.
    #[test]
    fn the_statements_take_what_is_bound_here() {
        let takes = |sql: &str| (1..10).take_while(|number| sql.contains(&format!("${number}"))).count();
        assert_eq!([LIST, GET, INSERT].map(takes), [4, 2, 6]);
    }
}
