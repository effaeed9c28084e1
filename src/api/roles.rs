//! `/tenant/roles`: what members of the tenant may do. Every tenant has owner, admin, member and viewer, which stay as
//! they are; beside them it makes its own.
use std::collections::BTreeSet;

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
        Early, IfMatch, IfNoneMatch, Json, Listing, MergePatch, One, Page, Path, PlainQuery, Post, Prefer, Violations,
        merge_patch, validate::PermissionName, versioned,
    },
    sql,
};

const NAME: std::ops::RangeInclusive<usize> = 1..=60;

const ROLE: One = One::new("role", sql!("roles/get"));

/// What breaking each of the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] = &[
    Constraint::taken("roles_name_key", "/name", "another role of this tenant has this name"),
    Constraint::out_of_range("roles_name_check", "/name", "must have 1 to 60 characters"),
    Constraint::unknown("roles_permissions_fkey", "/permissions", "names a permission that does not exist"),
    Constraint::in_use("memberships_role_fkey", "/role_id", "members have this role; give them another first"),
    Constraint::in_use("invitations_role_fkey", "/role_id", "somebody is invited to this role; take that back first"),
];

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(list, create)).routes(routes!(get, update, delete)).routes(routes!(permissions))
}

/// A role.
#[derive(Debug, Serialize, ToSchema)]
struct Role {
    id: Uuid,
    #[schema(min_length = 1, max_length = 60)]
    name: String,
    permissions: Vec<String>,
    /// One of those every tenant has, which stay as they are.
    built_in: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}
versioned!(Role);
from_row! { Role: id, name, permissions, built_in, created_at, updated_at, version }

/// A role to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RoleCreate)]
struct NewRole {
    #[schema(min_length = 1, max_length = 60)]
    name: String,
    /// Such as `projects:read`; none that the caller does not hold.
    #[schema(value_type = Vec<PermissionName>)]
    permissions: BTreeSet<String>,
}

merge_patch! {
    /// What changes; members left out stay as they are.
    struct RolePatch {
        #[schema(min_length = 1, max_length = 60)]
        name: Option<String>,
        #[schema(value_type = Option<Vec<PermissionName>>)]
        permissions: Option<BTreeSet<String>>,
    }
}

/// A word of the vocabulary that roles are made of.
#[derive(Debug, Serialize, ToSchema)]
struct Permission {
    name: String,
    description: String,
}
from_row! { Permission: name, description }

/// The vocabulary.
#[derive(Debug, Serialize, ToSchema)]
struct PermissionList {
    items: Vec<Permission>,
}

/// List roles, by name.
///
/// Needs `roles:read`.
#[utoipa::path(get, path = "/tenant/roles", tag = "roles",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(PlainQuery),
    responses((status = OK, body = Page<Role>)))]
async fn list(tenant: Tenant, listing: Listing<PlainQuery>) -> Result<Page<Role>> {
    let page = listing.page::<String>(&tenant)?;
    let after = page.after.as_deref().unwrap_or_default();
    let mut conn = tenant.reads().await?;
    let rows = conn.read().last().all(sql!("roles/list"), &[&after, &page.fetch()]).await?;
    page.page(rows, |role: &Role| role.name.clone())
}

/// Make a role.
///
/// Needs `roles:write` and `roles:read`, and every permission that the role is to hold.
#[utoipa::path(post, path = "/tenant/roles", tag = "roles",
    extensions(("x-route" = json!({ "charged": "principal", "needs_plan": "custom_roles" }))), request_body = NewRole,
    responses((status = CREATED, body = Role)))]
async fn create(tenant: Tenant, Post(new, once): Post<NewRole>) -> Result<Response, Early> {
    let mut violations = Violations::default();
    violations.line("/name", &new.name, NAME);
    violations.permissions("/permissions", &new.permissions);
    violations.finish()?;
    let id = new_id();
    let permissions: Vec<&String> = new.permissions.iter().collect();
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let (role, done) = attempt.one::<Role>(sql!("roles/insert"), &[&id, &new.name, &permissions]).await?;
    done.created(&format!("/api/v1/tenant/roles/{id}"), role).await
}

/// Read a role.
///
/// Needs `roles:read`.
#[utoipa::path(get, path = "/tenant/roles/{id}", tag = "roles",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(("id" = Uuid, Path)),
    responses((status = OK, body = Role), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>, known: IfNoneMatch) -> Result<Response> {
    ROLE.at(&tenant, &[&id]).read::<Role>().await.map(|role| known.answer(role))
}

/// Change a role. What its members may do changes with it, at their next request.
///
/// Needs `roles:write` and `roles:read`, every permission that the role holds and is to hold, and `If-Match` with the ETag
/// that was read.
#[utoipa::path(patch, path = "/tenant/roles/{id}", tag = "roles",
    extensions(("x-route" = json!({ "charged": "principal" }))),
    params(("id" = Uuid, Path), ("If-Match" = String, Header)),
    request_body = RolePatch, responses((status = OK, body = Role)))]
async fn update(
    tenant: Tenant,
    Path(id): Path<Uuid>,
    IfMatch(versions): IfMatch,
    prefer: Prefer,
    MergePatch(patch): MergePatch<RolePatch>,
) -> Result<Response> {
    let mut violations = Violations::default();
    violations.line("/name", &patch.name, NAME);
    if let Some(permissions) = &patch.permissions {
        violations.permissions("/permissions", permissions);
    }
    violations.finish()?;
    let permissions: Option<Vec<&String>> = patch.permissions.as_ref().map(|all| all.iter().collect());
    let params: Params<'_> = &[&versions, &patch.name, &permissions];
    let role: Role = ROLE.at(&tenant, &[&id]).write(sql!("roles/update"), params).await?;
    Ok(prefer.changed(role))
}

/// Delete a role that no member has and nobody is invited to.
///
/// Needs `roles:delete` and `roles:read`, every permission that the role holds, and `If-Match` with the ETag that was read.
#[utoipa::path(delete, path = "/tenant/roles/{id}", tag = "roles",
    extensions(("x-route" = json!({ "charged": "principal" }))),
    params(("id" = Uuid, Path), ("If-Match" = String, Header)), responses((status = NO_CONTENT)))]
async fn delete(tenant: Tenant, Path(id): Path<Uuid>, IfMatch(versions): IfMatch) -> Result<StatusCode> {
    ROLE.at(&tenant, &[&id]).write(sql!("roles/delete"), &[&versions]).await.map(|()| StatusCode::NO_CONTENT)
}

/// The vocabulary of permissions, the same for every tenant.
///
/// Needs `roles:read`.
#[utoipa::path(get, path = "/tenant/permissions", tag = "roles", responses((status = OK, body = PermissionList)))]
async fn permissions(tenant: Tenant) -> Result<Json<PermissionList>> {
    let mut conn = tenant.reads().await?;
    let items = conn.read().last().all(sql!("roles/permissions"), &[]).await?;
    Ok(Json(PermissionList { items }))
}
