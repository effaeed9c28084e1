//! `/jobs`: work that is done afterwards, as those who look after it see it. What causes jobs is all over the API; nobody makes one here.
use axum::response::Response;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Error, Result,
    app::Endpoints,
    auth::Tenant,
    db::{Constraint, Sql},
    from_row,
    http::{Asks, Chosen, Early, IfNoneMatch, Listing, Once, One, Page, Path, Tagged, versioned},
    sql, text_enum,
};

const JOB: One = One::new("job", sql!("jobs/get"));

/// What breaking each of the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] =
    &[Constraint::taken("jobs_unique_key", "/id", "another job that has not ended does the same")];

pub(crate) fn routes() -> Endpoints {
    Endpoints::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(retry))
        .routes(routes!(discard))
        .routes(routes!(cancel))
}

/// Work that is done after the request that caused it. What it is about is not shown: it may be for the worker alone.
#[derive(Debug, Serialize, ToSchema)]
struct Job {
    id: Uuid,
    /// What is done, such as `jobs.forget`.
    kind: String,
    state: JobState,
    /// 0 comes before 1, and 1 before 2.
    #[schema(minimum = 0, maximum = 2)]
    priority: i16,
    /// Not before then: when it was caused, or is tried again.
    run_at: Timestamp,
    attempts: i16,
    /// After so many it is dead.
    max_attempts: i16,
    /// Units of work done, as far as it tells.
    done: i64,
    /// How many there are, where that is known.
    total: Option<i64>,
    /// What it came to.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    /// Why the last attempt failed, for programs.
    error_code: Option<String>,
    /// The same for people.
    error: Option<String>,
    /// Whether whoever runs it was asked to stop.
    cancelling: bool,
    /// The member who caused it; null for an API key and for the house.
    created_by: Option<Uuid>,
    created_at: Timestamp,
    updated_at: Timestamp,
    finished_at: Option<Timestamp>,
    #[serde(skip)]
    version: i64,
}
versioned!(Job);
from_row! {
    Job:
        id, kind, state, priority, run_at, attempts, max_attempts, done, total, result, error_code, error, cancelling, created_by, created_at,
        updated_at, finished_at, version,
}

text_enum! {
    /// Where a job stands.
    pub enum JobState {
        /// Waits to be done, or done again.
        Waiting = "waiting",
        /// A worker has it.
        Running = "running",
        /// Done.
        Succeeded = "succeeded",
        /// All its attempts have failed, or it cannot be done.
        Dead = "dead",
        /// Somebody did not want it any more.
        Cancelled = "cancelled",
        /// Somebody has looked at it and wants nobody to do it.
        Discarded = "discarded",
    }
}

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct JobsQuery {
    /// Rows on the page, 50 unless said; fewer where they are long.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those in this state.
    state: Option<JobState>,
}

impl Asks for JobsQuery {
    fn place(&self) -> (Option<i64>, Option<&str>) {
        (self.limit, self.cursor.as_deref())
    }

    fn chosen(&self) -> Vec<Chosen> {
        vec![("state", self.state.map(|state| state.as_str().to_owned()))]
    }
}

/// List jobs, newest first.
///
/// Needs `jobs:read`.
#[utoipa::path(get, path = "/jobs", tag = "jobs", params(JobsQuery), responses((status = OK, body = Page<Job>)))]
async fn list(tenant: Tenant, listing: Listing<JobsQuery>) -> Result<Page<Job>> {
    let page = listing.page::<Uuid>(&tenant)?;
    let after = page.after.unwrap_or(Uuid::max());
    let mut conn = tenant.reads().await?;
    let tx = conn.read().last();
    let rows = match listing.query.state {
        Some(state) => tx.all(sql!("jobs/list_by_state"), &[&state, &after, &page.fetch(), &page.bytes()]).await?,
        None => tx.all(sql!("jobs/list"), &[&after, &page.fetch(), &page.bytes()]).await?,
    };
    page.page(rows, |job: &Job| job.id)
}

/// Read how far a job is.
///
/// Needs `jobs:read`.
#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", params(("id" = Uuid, Path)),
    responses((status = OK, body = Job), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>, known: IfNoneMatch) -> Result<Response> {
    JOB.at(&tenant, &[&id]).read::<Job>().await.map(|job| known.answer(job))
}

/// Have a job run at once: one that waits, or that has ended without success, which gets all its attempts again.
///
/// Needs `jobs:write` and `jobs:read`.
#[utoipa::path(post, path = "/jobs/{id}/retry", tag = "jobs", params(("id" = Uuid, Path)),
    responses((status = OK, body = Job, headers(("ETag" = String)))))]
async fn retry(tenant: Tenant, Path(id): Path<Uuid>, once: Once) -> Result<Response, Early> {
    change(&tenant, id, once, sql!("jobs/retry"), "it is running, or has succeeded: there is nothing to retry").await
}

/// Discard a job that waits or is dead: nobody is to do it.
///
/// Needs `jobs:write` and `jobs:read`.
#[utoipa::path(post, path = "/jobs/{id}/discard", tag = "jobs", params(("id" = Uuid, Path)),
    responses((status = OK, body = Job, headers(("ETag" = String)))))]
async fn discard(tenant: Tenant, Path(id): Path<Uuid>, once: Once) -> Result<Response, Early> {
    change(
        &tenant,
        id,
        once,
        sql!("jobs/discard"),
        "it neither waits nor is dead; one that is running can be cancelled",
    )
    .await
}

/// Cancel a job: one that waits at once, one that is running as soon as it looks. Ask until its state says so.
///
/// Needs `jobs:write` and `jobs:read`.
#[utoipa::path(post, path = "/jobs/{id}/cancel", tag = "jobs", params(("id" = Uuid, Path)),
    responses((status = OK, body = Job, headers(("ETag" = String)))))]
async fn cancel(tenant: Tenant, Path(id): Path<Uuid>, once: Once) -> Result<Response, Early> {
    change(&tenant, id, once, sql!("jobs/cancel"), "it has ended").await
}

async fn change(
    tenant: &Tenant,
    id: Uuid,
    once: Once,
    statement: Sql,
    otherwise: &'static str,
) -> Result<Response, Early> {
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let ([changed], job, done) = attempt.last([(statement, &[&id])], sql!("jobs/get"), &[&id]).await?;
    match (changed.len(), job.optional::<Job>()?) {
        (_, None) => done.refuse(JOB.missing()).await,
        (0, Some(_)) => done.refuse(Error::JobState(otherwise)).await,
        (_, Some(job)) => done.answer(Tagged(job)).await,
    }
}
