//! `/projects/{project_id}/tasks`: a resource inside another, tied to it by a composite foreign key.
use aws_lc_rs::hmac;
use axum::{
    extract::{OriginalUri, State},
    http::{StatusCode, Uri},
    response::Response,
};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Error, Result,
    app::App,
    auth::Tenant,
    db::{FromRow, Read, Tx},
    from_row,
    http::{
        etag::{IfMatch, IfNoneMatch, missed, versioned},
        extract::{MergePatch, Path, Query},
        idempotency::{Begun, Post},
        page::{ListQuery, Page, Sort},
        patch,
        prefer::{Prefer, Total},
        validate::Violations,
    },
    sql, text_enum,
};

const NAME: std::ops::RangeInclusive<usize> = 1..=200;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}

/// A task of a project.
#[derive(Debug, Serialize, ToSchema)]
pub struct Task {
    id: Uuid,
    project_id: Uuid,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    status: TaskStatus,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}

text_enum! {
    /// Where a task stands.
    pub enum TaskStatus {
        /// Not begun.
        Open = "open",
        /// Being worked on.
        InProgress = "in_progress",
        /// Finished.
        Done = "done",
    }
}

/// A task to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TaskCreate)]
struct NewTask {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// `open` unless said.
    status: Option<TaskStatus>,
}

/// What changes; members left out stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TaskPatch {
    #[serde(default, deserialize_with = "patch::required")]
    #[schema(min_length = 1, max_length = 200, nullable = false)]
    name: Option<String>,
    #[serde(default, deserialize_with = "patch::required")]
    #[schema(nullable = false)]
    status: Option<TaskStatus>,
}

/// List a project's tasks.
///
/// Needs `tasks:read` and `projects:read`.
#[utoipa::path(get, path = "/projects/{project_id}/tasks", tag = "tasks",
    extensions(("x-route" = json!({ "counted": true }))), params(("project_id" = Uuid, Path), ListQuery<TaskStatus>),
    responses((status = OK, body = Page<Task>, headers(("Link" = String, description = "The next page, RFC 8288")))))]
async fn list(
    tenant: Tenant,
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Path(project): Path<Uuid>,
    prefer: Prefer,
    Query(query): Query<ListQuery<TaskStatus>>,
) -> Result<Page<Task>> {
    let secret = app.secrets().mac();
    match query.sort {
        Sort::Newest => newest_first(&tenant, secret, &uri, project, prefer, &query).await,
        Sort::Name => by_name(&tenant, secret, &uri, project, prefer, &query).await,
    }
}

async fn newest_first(
    tenant: &Tenant,
    secret: &hmac::Key,
    uri: &Uri,
    project: Uuid,
    prefer: Prefer,
    query: &ListQuery<TaskStatus>,
) -> Result<Page<Task>> {
    let page = query.page::<Uuid>(secret, tenant.id(), uri)?;
    let after = page.after.unwrap_or(Uuid::max());
    let mut conn = tenant.reads().await?;
    let mut tx = conn.read();
    let total = count(&mut tx, prefer, project, query.status).await?;
    let last = tx.last();
    let rows = match query.status {
        None => last.all(sql!("project_tasks/list_newest"), &[&project, &after, &page.fetch()]).await,
        Some(status) => {
            let params: crate::db::Params<'_> = &[&project, &status, &after, &page.fetch()];
            last.all(sql!("project_tasks/list_newest_by_status"), params).await
        }
    }?;
    page.page(tasks(rows)?, |task| task.id).map(|page| page.of(total))
}

async fn by_name(
    tenant: &Tenant,
    secret: &hmac::Key,
    uri: &Uri,
    project: Uuid,
    prefer: Prefer,
    query: &ListQuery<TaskStatus>,
) -> Result<Page<Task>> {
    let page = query.page::<(String, Uuid)>(secret, tenant.id(), uri)?;
    // Before every task: no name is empty.
    let (name, id) = page.after.clone().unwrap_or_default();
    let mut conn = tenant.reads().await?;
    let mut tx = conn.read();
    let total = count(&mut tx, prefer, project, query.status).await?;
    let last = tx.last();
    let rows = match query.status {
        None => last.all(sql!("project_tasks/list_name"), &[&project, &name, &id, &page.fetch()]).await,
        Some(status) => {
            let params: crate::db::Params<'_> = &[&project, &status, &name, &id, &page.fetch()];
            last.all(sql!("project_tasks/list_name_by_status"), params).await
        }
    }?;
    page.page(tasks(rows)?, |task| (task.name.clone(), task.id)).map(|page| page.of(total))
}

/// How long the whole list is, for whoever prefers to know.
async fn count(
    tx: &mut Tx<'_, Read>,
    prefer: Prefer,
    project: Uuid,
    status: Option<TaskStatus>,
) -> Result<Option<Total>> {
    let Some(how) = prefer.count() else { return Ok(None) };
    let counted = match status {
        None => tx.one(sql!("project_tasks/count"), &[&project, &how.limit()]).await,
        Some(status) => tx.one(sql!("project_tasks/count_by_status"), &[&project, &status, &how.limit()]).await,
    }?;
    Ok(Some(how.of(counted)))
}

/// No row at all: no such project. One row without a task: an empty page.
fn tasks(rows: Vec<Listed>) -> Result<Vec<Task>> {
    if rows.is_empty() {
        return Err(Error::NotFound("project"));
    }
    Ok(rows.into_iter().filter_map(|Listed(task)| task).collect())
}

/// Create a task.
///
/// Needs `tasks:write` and `tasks:read`.
#[utoipa::path(post, path = "/projects/{project_id}/tasks", tag = "tasks", params(("project_id" = Uuid, Path)),
    request_body = NewTask,
    responses((status = CREATED, body = Task, headers(("ETag" = String), ("Location" = String)))))]
async fn create(tenant: Tenant, Path(project): Path<Uuid>, Post(new, once): Post<NewTask>) -> Result<Response> {
    let mut violations = Violations::default();
    violations.line("/name", &new.name, NAME);
    violations.finish()?;

    let id = new_id();
    let status = new.status.unwrap_or(TaskStatus::Open);
    let mut conn = tenant.writes().await?;
    let attempt = match once.begin(&mut conn).await? {
        Begun::First(attempt) => attempt,
        Begun::Again(answer) => return Ok(answer),
    };
    // No look whether the project is there: the foreign key says so, in this tenant and for good.
    let params: crate::db::Params<'_> = &[&project, &id, &new.name, &status];
    let (task, done) = attempt.one::<Task>(sql!("project_tasks/insert"), params).await?;
    done.created(&format!("/api/v1/projects/{project}/tasks/{id}"), task).await
}

/// Read a task.
///
/// Needs `tasks:read`.
#[utoipa::path(get, path = "/projects/{project_id}/tasks/{id}", tag = "tasks",
    params(("project_id" = Uuid, Path), ("id" = Uuid, Path)),
    responses((status = OK, body = Task, headers(("ETag" = String))), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path((project, id)): Path<(Uuid, Uuid)>, known: IfNoneMatch) -> Result<Response> {
    let mut conn = tenant.reads().await?;
    let task: Option<Task> = conn.read().last().optional(sql!("project_tasks/get"), &[&project, &id]).await?;
    task.map(|task| known.answer(task)).ok_or(missed("task", false))
}

/// Change a task.
///
/// Needs `tasks:write` and `tasks:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(patch, path = "/projects/{project_id}/tasks/{id}", tag = "tasks",
    params(("project_id" = Uuid, Path), ("id" = Uuid, Path), ("If-Match" = String, Header)),
    request_body(content = TaskPatch, content_type = "application/merge-patch+json"),
    responses((status = OK, body = Task, headers(("ETag" = String)))))]
async fn update(
    tenant: Tenant,
    Path((project, id)): Path<(Uuid, Uuid)>,
    IfMatch(versions): IfMatch,
    prefer: Prefer,
    MergePatch(patch): MergePatch<TaskPatch>,
) -> Result<Response> {
    let mut violations = Violations::default();
    if let Some(name) = &patch.name {
        violations.line("/name", name, NAME);
    }
    violations.finish()?;

    let mut conn = tenant.writes().await?;
    let params: crate::db::Params<'_> = &[&project, &id, &versions, &patch.name, &patch.status];
    let changed: Option<Task> = conn.write().last().optional(sql!("project_tasks/update"), params).await?;
    if let Some(task) = changed {
        return Ok(prefer.changed(task));
    }
    let there: Option<Task> = conn.read().last().optional(sql!("project_tasks/get"), &[&project, &id]).await?;
    Err(missed("task", there.is_some()))
}

/// Delete a task.
///
/// Needs `tasks:delete` and `tasks:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(delete, path = "/projects/{project_id}/tasks/{id}", tag = "tasks",
    params(("project_id" = Uuid, Path), ("id" = Uuid, Path), ("If-Match" = String, Header)),
    responses((status = NO_CONTENT)))]
async fn delete(
    tenant: Tenant,
    Path((project, id)): Path<(Uuid, Uuid)>,
    IfMatch(versions): IfMatch,
) -> Result<StatusCode> {
    let mut conn = tenant.writes().await?;
    let deleted: Option<()> =
        conn.write().last().optional(sql!("project_tasks/delete"), &[&project, &id, &versions]).await?;
    if deleted.is_some() {
        return Ok(StatusCode::NO_CONTENT);
    }
    let there: Option<Task> = conn.read().last().optional(sql!("project_tasks/get"), &[&project, &id]).await?;
    Err(missed("task", there.is_some()))
}

versioned!(Task);

from_row! { Task: id, project_id, name, status, created_at, updated_at, version }

/// A row of a list: its task, or nothing on the one row that stands for an empty page.
struct Listed(Option<Task>);

impl FromRow for Listed {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let id: Option<Uuid> = row.try_get("id")?;
        id.map(|_| Task::from_row(row)).transpose().map(Self)
    }
}
