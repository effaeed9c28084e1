//! `/projects`: the resource every other one is copied from; docs/adding-a-resource.md walks through it.
use aws_lc_rs::hmac;
use axum::{
    extract::{OriginalUri, State},
    http::{StatusCode, Uri},
    response::Response,
};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Result,
    app::App,
    auth::Tenant,
    db::{Read, Tx},
    from_row,
    http::{
        etag::{IfMatch, IfNoneMatch, missed, versioned},
        extract::{MergePatch, Path, Query},
        idempotency::{Begun, Post},
        page::{ListQuery, Page, Sort},
        patch::{self, Field},
        prefer::{Prefer, Total},
        validate::Violations,
    },
    sql, text_enum,
};

const NAME: std::ops::RangeInclusive<usize> = 1..=200;
const DESCRIPTION: std::ops::RangeInclusive<usize> = 0..=10_000;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
pub struct Project {
    id: Uuid,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(max_length = 10_000)]
    description: Option<String>,
    status: ProjectStatus,
    /// A member of the tenant.
    owner_id: Option<Uuid>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}

text_enum! {
    /// Where a project stands.
    pub enum ProjectStatus {
        /// Not begun.
        Planned = "planned",
        /// Being worked on.
        Active = "active",
        /// Begun and resting.
        Paused = "paused",
        /// Done.
        Completed = "completed",
        /// Out of sight.
        Archived = "archived",
    }
}

/// A project to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProjectCreate)]
struct NewProject {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(max_length = 10_000)]
    description: Option<String>,
    /// `active` unless said.
    status: Option<ProjectStatus>,
    /// A member of the tenant.
    owner_id: Option<Uuid>,
}

/// What changes; members left out stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProjectPatch {
    #[serde(default, deserialize_with = "patch::required")]
    #[schema(min_length = 1, max_length = 200, nullable = false)]
    name: Option<String>,
    #[serde(default)]
    #[schema(max_length = 10_000, value_type = Option<String>)]
    description: Field<String>,
    #[serde(default, deserialize_with = "patch::required")]
    #[schema(nullable = false)]
    status: Option<ProjectStatus>,
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    owner_id: Field<Uuid>,
}

/// List projects.
///
/// Needs `projects:read`.
#[utoipa::path(get, path = "/projects", tag = "projects",
    extensions(("x-route" = json!({ "counted": true }))), params(ListQuery<ProjectStatus>),
    responses((status = OK, body = Page<Project>, headers(("Link" = String, description = "The next page, RFC 8288")))))]
async fn list(
    tenant: Tenant,
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    prefer: Prefer,
    Query(query): Query<ListQuery<ProjectStatus>>,
) -> Result<Page<Project>> {
    let secret = app.secrets().mac();
    match query.sort {
        Sort::Newest => newest_first(&tenant, secret, &uri, prefer, &query).await,
        Sort::Name => by_name(&tenant, secret, &uri, prefer, &query).await,
    }
}

async fn newest_first(
    tenant: &Tenant,
    secret: &hmac::Key,
    uri: &Uri,
    prefer: Prefer,
    query: &ListQuery<ProjectStatus>,
) -> Result<Page<Project>> {
    let page = query.page::<Uuid>(secret, tenant.id(), uri)?;
    let after = page.after.unwrap_or(Uuid::max());
    let mut conn = tenant.reads().await?;
    let mut tx = conn.read();
    let total = count(&mut tx, prefer, query.status).await?;
    let last = tx.last();
    let rows = match query.status {
        None => last.all(sql!("projects/list_newest"), &[&after, &page.fetch(), &page.bytes()]).await,
        Some(status) => {
            last.all(sql!("projects/list_newest_by_status"), &[&status, &after, &page.fetch(), &page.bytes()]).await
        }
    }?;
    page.page(rows, |project: &Project| project.id).map(|page| page.of(total))
}

async fn by_name(
    tenant: &Tenant,
    secret: &hmac::Key,
    uri: &Uri,
    prefer: Prefer,
    query: &ListQuery<ProjectStatus>,
) -> Result<Page<Project>> {
    let page = query.page::<String>(secret, tenant.id(), uri)?;
    let after = page.after.as_deref().unwrap_or_default();
    let mut conn = tenant.reads().await?;
    let mut tx = conn.read();
    let total = count(&mut tx, prefer, query.status).await?;
    let last = tx.last();
    let rows = match query.status {
        None => last.all(sql!("projects/list_name"), &[&after, &page.fetch(), &page.bytes()]).await,
        Some(status) => {
            last.all(sql!("projects/list_name_by_status"), &[&status, &after, &page.fetch(), &page.bytes()]).await
        }
    }?;
    page.page(rows, |project: &Project| project.name.clone()).map(|page| page.of(total))
}

/// How long the whole list is, for whoever prefers to know.
async fn count(tx: &mut Tx<'_, Read>, prefer: Prefer, status: Option<ProjectStatus>) -> Result<Option<Total>> {
    let Some(how) = prefer.count() else { return Ok(None) };
    let counted = match status {
        None => tx.one(sql!("projects/count"), &[&how.limit()]).await,
        Some(status) => tx.one(sql!("projects/count_by_status"), &[&status, &how.limit()]).await,
    }?;
    Ok(Some(how.of(counted)))
}

/// Create a project.
///
/// Needs `projects:write` and `projects:read`. A name is one project's alone within the tenant.
#[utoipa::path(post, path = "/projects", tag = "projects", request_body = NewProject,
    responses((status = CREATED, body = Project, headers(("ETag" = String), ("Location" = String)))))]
async fn create(tenant: Tenant, Post(new, once): Post<NewProject>) -> Result<Response> {
    let mut violations = Violations::default();
    violations.line("/name", &new.name, NAME);
    if let Some(description) = &new.description {
        violations.text("/description", description, DESCRIPTION);
    }
    violations.finish()?;

    let id = new_id();
    let status = new.status.unwrap_or(ProjectStatus::Active);
    let mut conn = tenant.writes().await?;
    let attempt = match once.begin(&mut conn).await? {
        Begun::First(attempt) => attempt,
        Begun::Again(answer) => return Ok(answer),
    };
    let params: crate::db::Params<'_> = &[&id, &new.name, &new.description, &status, &new.owner_id];
    let (project, done) = attempt.one::<Project>(sql!("projects/insert"), params).await?;
    done.created(&format!("/api/v1/projects/{id}"), project).await
}

/// Read a project.
///
/// Needs `projects:read`.
#[utoipa::path(get, path = "/projects/{id}", tag = "projects", params(("id" = Uuid, Path)),
    responses((status = OK, body = Project, headers(("ETag" = String))), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>, known: IfNoneMatch) -> Result<Response> {
    let mut conn = tenant.reads().await?;
    let project: Option<Project> = conn.read().last().optional(sql!("projects/get"), &[&id]).await?;
    project.map(|project| known.answer(project)).ok_or(missed("project", false))
}

/// Change a project.
///
/// Needs `projects:write` and `projects:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(patch, path = "/projects/{id}", tag = "projects",
    params(("id" = Uuid, Path), ("If-Match" = String, Header)),
    request_body(content = ProjectPatch, content_type = "application/merge-patch+json"),
    responses((status = OK, body = Project, headers(("ETag" = String)))))]
async fn update(
    tenant: Tenant,
    Path(id): Path<Uuid>,
    IfMatch(versions): IfMatch,
    prefer: Prefer,
    MergePatch(patch): MergePatch<ProjectPatch>,
) -> Result<Response> {
    let mut violations = Violations::default();
    if let Some(name) = &patch.name {
        violations.line("/name", name, NAME);
    }
    if let Some(description) = patch.description.value() {
        violations.text("/description", description, DESCRIPTION);
    }
    violations.finish()?;

    let ProjectPatch { name, description, status, owner_id } = &patch;
    let mut conn = tenant.writes().await?;
    let changed: Option<Project> = conn
        .write()
        .last()
        .optional(
            sql!("projects/update"),
            &[
                &id,
                &versions,
                name,
                &description.is_given(),
                &description.value(),
                status,
                &owner_id.is_given(),
                &owner_id.value(),
            ],
        )
        .await?;
    if let Some(project) = changed {
        return Ok(prefer.changed(project));
    }
    let there: Option<Project> = conn.read().last().optional(sql!("projects/get"), &[&id]).await?;
    Err(missed("project", there.is_some()))
}

/// Delete a project and its tasks.
///
/// Needs `projects:delete` and `projects:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(delete, path = "/projects/{id}", tag = "projects",
    params(("id" = Uuid, Path), ("If-Match" = String, Header)), responses((status = NO_CONTENT)))]
async fn delete(tenant: Tenant, Path(id): Path<Uuid>, IfMatch(versions): IfMatch) -> Result<StatusCode> {
    let mut conn = tenant.writes().await?;
    let deleted: Option<()> = conn.write().last().optional(sql!("projects/delete"), &[&id, &versions]).await?;
    if deleted.is_some() {
        return Ok(StatusCode::NO_CONTENT);
    }
    let there: Option<Project> = conn.read().last().optional(sql!("projects/get"), &[&id]).await?;
    Err(missed("project", there.is_some()))
}

versioned!(Project);

from_row! { Project: id, name, description, status, owner_id, created_at, updated_at, version }
