//! `/dashboard/recent-projects`: what changed last.
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Result,
    auth::Tenant,
    from_row,
    http::{Listing, Page, PlainQuery},
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
    updated_at: Timestamp,
}
from_row! { RecentProject: id, name, status, owner_id, updated_at }

/// Which projects changed last?
///
/// Changed last first. One that changes while pages are turned moves to the front, behind whoever is past it. Needs
/// `dashboard:read` and `projects:read`.
#[utoipa::path(get, path = "/dashboard/recent-projects", tag = "dashboard", params(PlainQuery),
    responses((status = OK, body = Page<RecentProject>)))]
pub(super) async fn recent_projects(tenant: Tenant, listing: Listing<PlainQuery>) -> Result<Page<RecentProject>> {
    let page = listing.page::<(Timestamp, Uuid)>(&tenant)?;
    let (before, id) = page.after.unwrap_or((Timestamp::MAX, Uuid::max()));
    let mut conn = tenant.reads().await?;
    let rows = conn.read().last().all(sql!("dashboard/recent_projects"), &[&before, &id, &page.fetch()]).await?;
    page.page(rows, |project: &RecentProject| (project.updated_at, project.id))
}
