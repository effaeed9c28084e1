//! `/tenant/members`: who belongs to the tenant, and in which role.
use axum::{
    extract::{OriginalUri, State},
    http::StatusCode,
    response::Response,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Error, Result,
    app::App,
    auth::Tenant,
    error::Violation,
    from_row,
    http::{
        etag::{IfMatch, IfNoneMatch, missed, versioned},
        extract::{MergePatch, Path, Query},
        page::{List, Page, PageRequest},
        patch,
        prefer::Prefer,
    },
    sql,
};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, update, remove))
}

/// A member.
#[derive(Debug, Serialize, ToSchema)]
struct Member {
    user_id: Uuid,
    #[schema(format = Email)]
    email: String,
    full_name: String,
    role_id: Uuid,
    /// What the role permits.
    permissions: Vec<String>,
    /// Whether the account is active; a deactivated one is let in nowhere.
    active: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}

/// Which members.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MembersQuery {
    /// Rows on the page, 50 unless said; fewer where they are long.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those in this role.
    role_id: Option<Uuid>,
}

/// What changes; members left out stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberPatch {
    #[serde(default, deserialize_with = "patch::required")]
    #[schema(nullable = false)]
    role_id: Option<Uuid>,
}

/// List members, by e-mail address.
///
/// Needs `members:read`.
#[utoipa::path(get, path = "/tenant/members", tag = "members",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(MembersQuery),
    responses((status = OK, body = Page<Member>, headers(("Link" = String, description = "The next page, RFC 8288")))))]
async fn list(
    tenant: Tenant,
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<MembersQuery>,
) -> Result<Page<Member>> {
    let role = query.role_id.map(|role| role.to_string());
    let list = List::new(&uri, &[("role_id", role.as_deref())]);
    let owner = tenant.id().as_uuid();
    let page = PageRequest::<String>::new(app.secrets().mac(), owner, list, query.limit, query.cursor.as_deref())?;
    let after = page.after.as_deref().unwrap_or_default();
    let mut conn = tenant.reads().await?;
    let tx = conn.read().last();
    let rows = match query.role_id {
        None => tx.all(sql!("members/list"), &[&after, &page.fetch()]).await,
        Some(role) => tx.all(sql!("members/list_by_role"), &[&role, &after, &page.fetch()]).await,
    }?;
    page.page(rows, |member: &Member| member.email.clone())
}

/// Read a member.
///
/// Needs `members:read`.
#[utoipa::path(get, path = "/tenant/members/{id}", tag = "members",
    extensions(("x-route" = json!({ "charged": "principal" }))),
    params(("id" = Uuid, Path, description = "The user's id")),
    responses((status = OK, body = Member, headers(("ETag" = String))), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>, known: IfNoneMatch) -> Result<Response> {
    let mut conn = tenant.reads().await?;
    let member: Option<Member> = conn.read().last().optional(sql!("members/get"), &[&id]).await?;
    member.map(|member| known.answer(member)).ok_or(missed("member", false))
}

/// Give a member another role.
///
/// Needs `members:write`, `members:read` and `roles:read`, every permission that either role holds, and `If-Match` with
/// the ETag that was read. The last owner stays one.
#[utoipa::path(patch, path = "/tenant/members/{id}", tag = "members",
    extensions(("x-route" = json!({ "charged": "principal" }))),
    params(("id" = Uuid, Path, description = "The user's id"), ("If-Match" = String, Header)),
    request_body(content = MemberPatch, content_type = "application/merge-patch+json"),
    responses((status = OK, body = Member, headers(("ETag" = String)))))]
async fn update(
    tenant: Tenant,
    Path(id): Path<Uuid>,
    IfMatch(versions): IfMatch,
    prefer: Prefer,
    MergePatch(patch): MergePatch<MemberPatch>,
) -> Result<Response> {
    let mut conn = tenant.writes().await?;
    let params: crate::db::Params<'_> = &[&id, &versions, &patch.role_id];
    let mut tx = conn.write();
    tx.one::<()>(sql!("members/hold"), &[]).await?;
    let changed: Option<Member> = tx.last().optional(sql!("members/update"), params).await?;
    if let Some(member) = changed {
        return Ok(prefer.changed(member));
    }
    let there: Option<Member> = conn.read().last().optional(sql!("members/get"), &[&id]).await?;
    let fits = |member: &Member| versions.as_ref().is_none_or(|versions| versions.contains(&member.version));
    match there {
        // The member is there at that version, so it was the role that was not found.
        Some(member) if fits(&member) => {
            Err(Error::Invalid(vec![Violation::at("/role_id", "unknown", "is not a role of this tenant")]))
        }
        there => Err(missed("member", there.is_some())),
    }
}

/// Remove a member, who is out at their next request.
///
/// Needs `members:delete` and `members:read`, every permission that the member holds, and `If-Match` with the ETag that
/// was read. The last owner stays.
#[utoipa::path(delete, path = "/tenant/members/{id}", tag = "members",
    extensions(("x-route" = json!({ "charged": "principal" }))),
    params(("id" = Uuid, Path, description = "The user's id"), ("If-Match" = String, Header)),
    responses((status = NO_CONTENT)))]
async fn remove(tenant: Tenant, Path(id): Path<Uuid>, IfMatch(versions): IfMatch) -> Result<StatusCode> {
    let mut conn = tenant.writes().await?;
    let removed: Option<()> = conn.write().last().optional(sql!("members/delete"), &[&id, &versions]).await?;
    if removed.is_some() {
        return Ok(StatusCode::NO_CONTENT);
    }
    let there: Option<Member> = conn.read().last().optional(sql!("members/get"), &[&id]).await?;
    Err(missed("member", there.is_some()))
}

versioned!(Member);

from_row! {
    Member:
        user_id, email, full_name, role_id, permissions, active = "account_active", created_at, updated_at, version,
}
