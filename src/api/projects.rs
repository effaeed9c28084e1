//! `/projects`: the resource every other one is copied from; docs/adding-a-resource.md walks through it.
use axum::{http::StatusCode, response::Response};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Result,
    app::Endpoints,
    auth::Tenant,
    db::{Constraint, Params},
    from_row,
    http::{
        Early, IfMatch, IfNoneMatch, ListQuery, Listing, MergePatch, One, Page, Path, Post, Prefer, Sort, Violations,
        merge_patch, versioned,
    },
    sql, text_enum,
};

const NAME: std::ops::RangeInclusive<usize> = 1..=200;
const DESCRIPTION: std::ops::RangeInclusive<usize> = 0..=10_000;

const PROJECT: One = One::new("project", sql!("projects/get"));

/// What breaking each of the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] = &[
    Constraint::taken("projects_name_key", "/name", "another project of this tenant has this name"),
    Constraint::out_of_range("projects_name_check", "/name", "must have 1 to 200 characters"),
    Constraint::out_of_range("projects_description_check", "/description", "must have at most 10000 characters"),
    Constraint::out_of_range("projects_status_check", "/status", "is not a status of a project"),
    Constraint::unknown("projects_owner_fkey", "/owner_id", "is not a member of this tenant"),
];

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(list, create)).routes(routes!(get, update, delete))
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
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}
versioned!(Project);
from_row! { Project: id, name, description, status, owner_id, created_at, updated_at, version }

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

merge_patch! {
    /// What changes; members left out stay as they are.
    struct ProjectPatch {
        #[schema(min_length = 1, max_length = 200)]
        name: Option<String>,
        #[schema(max_length = 10_000)]
        description: Field<String>,
        status: Option<ProjectStatus>,
        owner_id: Field<Uuid>,
    }
}

/// List projects.
///
/// Needs `projects:read`.
#[utoipa::path(get, path = "/projects", tag = "projects",
    extensions(("x-route" = json!({ "counted": true }))), params(ListQuery<ProjectStatus>),
    responses((status = OK, body = Page<Project>)))]
async fn list(tenant: Tenant, listing: Listing<ListQuery<ProjectStatus>>) -> Result<Page<Project>> {
    let counts = [sql!("projects/count"), sql!("projects/count_by_status")];
    match listing.query.sort {
        Sort::Newest => {
            let lists = [sql!("projects/list_newest"), sql!("projects/list_newest_by_status")];
            let page = listing.page::<Uuid>(&tenant)?;
            let after = page.after.unwrap_or(Uuid::max());
            let params: Params<'_> = &[&after, &page.fetch(), &page.bytes()];
            let (rows, total) = listing.rows(&tenant, &[], counts, lists, params).await?;
            page.page(rows, |project: &Project| project.id).map(|page| page.of(total))
        }
        Sort::Name => {
            let lists = [sql!("projects/list_name"), sql!("projects/list_name_by_status")];
            let page = listing.page::<String>(&tenant)?;
            let after = page.after.as_deref().unwrap_or_default();
            let params: Params<'_> = &[&after, &page.fetch(), &page.bytes()];
            let (rows, total) = listing.rows(&tenant, &[], counts, lists, params).await?;
            page.page(rows, |project: &Project| project.name.clone()).map(|page| page.of(total))
        }
    }
}

/// Create a project.
///
/// Needs `projects:write` and `projects:read`. A name is one project's alone within the tenant.
#[utoipa::path(post, path = "/projects", tag = "projects", request_body = NewProject,
    responses((status = CREATED, body = Project)))]
async fn create(tenant: Tenant, Post(new, once): Post<NewProject>) -> Result<Response, Early> {
    let NewProject { name, description, status, owner_id } = &new;
    let mut violations = Violations::default();
    violations.line("/name", name, NAME);
    violations.text("/description", description, DESCRIPTION);
    violations.finish()?;

    let id = new_id();
    let status = status.unwrap_or(ProjectStatus::Active);
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let params: Params<'_> = &[&id, name, description, &status, owner_id];
    let (project, done) = attempt.one::<Project>(sql!("projects/insert"), params).await?;
    done.created(&format!("/api/v1/projects/{id}"), project).await
}

/// Read a project.
///
/// Needs `projects:read`.
#[utoipa::path(get, path = "/projects/{id}", tag = "projects", params(("id" = Uuid, Path)),
    responses((status = OK, body = Project), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>, known: IfNoneMatch) -> Result<Response> {
    PROJECT.at(&tenant, &[&id]).read::<Project>().await.map(|project| known.answer(project))
}

/// Change a project.
///
/// Needs `projects:write` and `projects:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(patch, path = "/projects/{id}", tag = "projects",
    params(("id" = Uuid, Path), ("If-Match" = String, Header)),
    request_body = ProjectPatch, responses((status = OK, body = Project)))]
async fn update(
    tenant: Tenant,
    Path(id): Path<Uuid>,
    IfMatch(versions): IfMatch,
    prefer: Prefer,
    MergePatch(patch): MergePatch<ProjectPatch>,
) -> Result<Response> {
    let ProjectPatch { name, description, status, owner_id } = &patch;
    let mut violations = Violations::default();
    violations.line("/name", name, NAME);
    violations.text("/description", description, DESCRIPTION);
    violations.finish()?;

    let (sets_description, sets_owner) = (description.is_given(), owner_id.is_given());
    let params: Params<'_> =
        &[&versions, name, &sets_description, &description.value(), status, &sets_owner, &owner_id.value()];
    let project: Project = PROJECT.at(&tenant, &[&id]).write(sql!("projects/update"), params).await?;
    Ok(prefer.changed(project))
}

/// Delete a project and its tasks.
///
/// Needs `projects:delete` and `projects:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(delete, path = "/projects/{id}", tag = "projects",
    params(("id" = Uuid, Path), ("If-Match" = String, Header)), responses((status = NO_CONTENT)))]
async fn delete(tenant: Tenant, Path(id): Path<Uuid>, IfMatch(versions): IfMatch) -> Result<StatusCode> {
    PROJECT.at(&tenant, &[&id]).write(sql!("projects/delete"), &[&versions]).await.map(|()| StatusCode::NO_CONTENT)
}
