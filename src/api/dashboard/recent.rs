//! `/dashboard/recent-projects`: what changed last.
use axum::extract::{OriginalUri, State};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Result,
    app::App,
    auth::Tenant,
    from_row,
    http::{
        extract::Query,
        page::{Page, PlainQuery},
    },
    sql,
};

/// A project that changed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecentProject {
    id: Uuid,
    name: String,
    /// Where it stands: `planned`, `active`, `paused`, `completed` or `archived`.
    status: String,
    /// A member of the tenant.
    owner_id: Option<Uuid>,
    /// When it was made or last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// Which projects changed last?
///
/// Changed last first. One that changes while pages are turned moves to the front, behind whoever is past it. Needs
/// `dashboard:read` and `projects:read`.
#[utoipa::path(get, path = "/dashboard/recent-projects", tag = "dashboard", params(PlainQuery),
    responses((status = OK, body = Page<RecentProject>, headers(("Link" = String, description = "The next page, RFC 8288")))))]
pub(super) async fn recent_projects(
    tenant: Tenant,
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<PlainQuery>,
) -> Result<Page<RecentProject>> {
    let page = query.page::<(Timestamp, Uuid)>(app.secrets().mac(), tenant.id().as_uuid(), &uri)?;
    let (before, id) = page.after.unwrap_or((Timestamp::MAX, Uuid::max()));
    let mut conn = tenant.reads().await?;
    let rows = conn.read().last().all(sql!("dashboard/recent_projects"), &[&before, &id, &page.fetch()]).await?;
    page.page(rows, |project: &RecentProject| (project.updated_at, project.id))
}

from_row! { RecentProject: id, name, status, owner_id, updated_at }
