//! `/projects/{project_id}/tasks`: a resource inside another, tied to it by a composite foreign key.
use axum::{http::StatusCode, response::Response};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Error, Result,
    app::Endpoints,
    auth::Tenant,
    db::{Constraint, FromRow, Params},
    from_row,
    http::{
        Early, IfMatch, IfNoneMatch, ListQuery, Listing, MergePatch, One, Page, Path, Post, Prefer, Sort, Violations,
        merge_patch, versioned,
    },
    sql, text_enum,
};

const NAME: std::ops::RangeInclusive<usize> = 1..=200;

const TASK: One = One::new("task", sql!("project_tasks/get"));

/// What breaking each of the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] = &[
    Constraint::gone("project_tasks_project_fkey", "project"),
    Constraint::out_of_range("project_tasks_name_check", "/name", "must have 1 to 200 characters"),
    Constraint::out_of_range("project_tasks_status_check", "/status", "is not a status of a task"),
];

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}

/// A task of a project.
#[derive(Debug, Serialize, ToSchema)]
pub struct Task {
    id: Uuid,
    project_id: Uuid,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    status: TaskStatus,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}
versioned!(Task);
from_row! { Task: id, project_id, name, status, created_at, updated_at, version }

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

merge_patch! {
    /// What changes; members left out stay as they are.
    struct TaskPatch {
        #[schema(min_length = 1, max_length = 200)]
        name: Option<String>,
        status: Option<TaskStatus>,
    }
}

/// List a project's tasks.
///
/// Needs `tasks:read` and `projects:read`.
#[utoipa::path(get, path = "/projects/{project_id}/tasks", tag = "tasks",
    extensions(("x-route" = json!({ "counted": true }))), params(("project_id" = Uuid, Path), ListQuery<TaskStatus>),
    responses((status = OK, body = Page<Task>)))]
async fn list(
    tenant: Tenant,
    Path(project): Path<Uuid>,
    listing: Listing<ListQuery<TaskStatus>>,
) -> Result<Page<Task>> {
    let counts = [sql!("project_tasks/count"), sql!("project_tasks/count_by_status")];
    match listing.query.sort {
        Sort::Newest => {
            let lists = [sql!("project_tasks/list_newest"), sql!("project_tasks/list_newest_by_status")];
            let page = listing.page::<Uuid>(&tenant)?;
            let after = page.after.unwrap_or(Uuid::max());
            let params: Params<'_> = &[&after, &page.fetch()];
            let (rows, total) = listing.rows(&tenant, &[&project], counts, lists, params).await?;
            page.page(tasks(rows)?, |task| task.id).map(|page| page.of(total))
        }
        Sort::Name => {
            let lists = [sql!("project_tasks/list_name"), sql!("project_tasks/list_name_by_status")];
            let page = listing.page::<(String, Uuid)>(&tenant)?;
            // Before every task: no name is empty.
            let (name, id) = page.after.clone().unwrap_or_default();
            let params: Params<'_> = &[&name, &id, &page.fetch()];
            let (rows, total) = listing.rows(&tenant, &[&project], counts, lists, params).await?;
            page.page(tasks(rows)?, |task| (task.name.clone(), task.id)).map(|page| page.of(total))
        }
    }
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
    request_body = NewTask, responses((status = CREATED, body = Task)))]
async fn create(tenant: Tenant, Path(project): Path<Uuid>, Post(new, once): Post<NewTask>) -> Result<Response, Early> {
    let mut violations = Violations::default();
    violations.line("/name", &new.name, NAME);
    violations.finish()?;

    let id = new_id();
    let status = new.status.unwrap_or(TaskStatus::Open);
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    // No look whether the project is there: the foreign key says so, in this tenant and for good.
    let params: Params<'_> = &[&project, &id, &new.name, &status];
    let (task, done) = attempt.one::<Task>(sql!("project_tasks/insert"), params).await?;
    done.created(&format!("/api/v1/projects/{project}/tasks/{id}"), task).await
}

/// Read a task.
///
/// Needs `tasks:read`.
#[utoipa::path(get, path = "/projects/{project_id}/tasks/{id}", tag = "tasks",
    params(("project_id" = Uuid, Path), ("id" = Uuid, Path)),
    responses((status = OK, body = Task), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path((project, id)): Path<(Uuid, Uuid)>, known: IfNoneMatch) -> Result<Response> {
    TASK.at(&tenant, &[&project, &id]).read::<Task>().await.map(|task| known.answer(task))
}

/// Change a task.
///
/// Needs `tasks:write` and `tasks:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(patch, path = "/projects/{project_id}/tasks/{id}", tag = "tasks",
    params(("project_id" = Uuid, Path), ("id" = Uuid, Path), ("If-Match" = String, Header)),
    request_body = TaskPatch, responses((status = OK, body = Task)))]
async fn update(
    tenant: Tenant,
    Path((project, id)): Path<(Uuid, Uuid)>,
    IfMatch(versions): IfMatch,
    prefer: Prefer,
    MergePatch(patch): MergePatch<TaskPatch>,
) -> Result<Response> {
    let mut violations = Violations::default();
    violations.line("/name", &patch.name, NAME);
    violations.finish()?;

    let params: Params<'_> = &[&versions, &patch.name, &patch.status];
    let task: Task = TASK.at(&tenant, &[&project, &id]).write(sql!("project_tasks/update"), params).await?;
    Ok(prefer.changed(task))
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
    TASK.at(&tenant, &[&project, &id])
        .write(sql!("project_tasks/delete"), &[&versions])
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// A row of a list: its task, or nothing on the one row that stands for an empty page.
struct Listed(Option<Task>);

impl FromRow for Listed {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let id: Option<Uuid> = row.try_get("id")?;
        id.map(|_| Task::from_row(row)).transpose().map(Self)
    }
}
