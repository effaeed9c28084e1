//! `/tenant`: the tenant a request acts in.
use axum::{http::StatusCode, response::Response};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Result,
    app::Endpoints,
    auth::Tenant,
    from_row,
    http::{IfMatch, IfNoneMatch, MergePatch, Prefer, Violations, etag::missed, merge_patch, versioned},
    sql,
};

const NAME: std::ops::RangeInclusive<usize> = 1..=200;

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(get, update)).routes(routes!(leave))
}

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tenant)]
struct TenantRecord {
    id: Uuid,
    /// The label of its subdomain.
    slug: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// trial or active; any other is closed to requests.
    status: String,
    trial_ends_at: Option<Timestamp>,
    paid_until: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}
versioned!(TenantRecord);
from_row! { TenantRecord: id, slug, name, status, trial_ends_at, paid_until, created_at, updated_at, version }

merge_patch! {
    /// What changes; members left out stay as they are.
    struct TenantPatch {
        #[schema(min_length = 1, max_length = 200)]
        name: Option<String>,
    }
}

/// Read the tenant's own record.
///
/// Needs `tenant:read`.
#[utoipa::path(get, path = "/tenant", tag = "tenant",
    responses((status = OK, body = TenantRecord), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, known: IfNoneMatch) -> Result<Response> {
    let mut conn = tenant.reads().await?;
    let record: TenantRecord = conn.read().last().one(sql!("tenant/get"), &[]).await?;
    Ok(known.answer(record))
}

/// Rename the tenant.
///
/// Needs `tenant:write` and `tenant:read`, and `If-Match` with the ETag that was read. The slug stays: it is in addresses.
#[utoipa::path(patch, path = "/tenant", tag = "tenant", params(("If-Match" = String, Header)),
    request_body = TenantPatch, responses((status = OK, body = TenantRecord)))]
async fn update(
    tenant: Tenant,
    IfMatch(versions): IfMatch,
    prefer: Prefer,
    MergePatch(patch): MergePatch<TenantPatch>,
) -> Result<Response> {
    let mut violations = Violations::default();
    violations.line("/name", &patch.name, NAME);
    violations.finish()?;
    let mut conn = tenant.writes().await?;
    let changed: Option<TenantRecord> =
        conn.write().last().optional(sql!("tenant/update"), &[&versions, &patch.name]).await?;
    changed.map(|record| prefer.changed(record)).ok_or_else(|| missed("tenant", true))
}

/// Leave the tenant.
///
/// Needs no permission. The last owner stays.
#[utoipa::path(post, path = "/tenant/leave", tag = "tenant",
    extensions(("x-route" = json!({ "charged": "principal", "key": "not_kept" }))), responses((status = NO_CONTENT)))]
async fn leave(tenant: Tenant) -> Result<StatusCode> {
    tenant.person()?;
    let mut conn = tenant.writes().await?;
    conn.write().last().one::<()>(sql!("tenant/leave"), &[]).await?;
    Ok(StatusCode::NO_CONTENT)
}
