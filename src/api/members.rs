//! `/tenant/members`: who belongs to the tenant, and in which role.
use axum::{http::StatusCode, response::Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Error, Result,
    app::Endpoints,
    auth::Tenant,
    db::Params,
    error::Violation,
    from_row,
    http::{
        Asks, Chosen, IfMatch, IfNoneMatch, Listing, MergePatch, One, Page, Path, Prefer, etag::missed, merge_patch,
        versioned,
    },
    sql,
};

const MEMBER: One = One::new("member", sql!("members/get"));

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(list)).routes(routes!(get, update, remove))
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
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}
versioned!(Member);
from_row! {
    Member:
        user_id, email, full_name, role_id, permissions, active = "account_active", created_at, updated_at, version,
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

impl Asks for MembersQuery {
    fn place(&self) -> (Option<i64>, Option<&str>) {
        (self.limit, self.cursor.as_deref())
    }

    fn chosen(&self) -> Vec<Chosen> {
        vec![("role_id", self.role_id.map(|role| role.to_string()))]
    }
}

merge_patch! {
    /// What changes; members left out stay as they are.
    struct MemberPatch {
        role_id: Option<Uuid>,
    }
}

/// List members, by e-mail address.
///
/// Needs `members:read`.
#[utoipa::path(get, path = "/tenant/members", tag = "members",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(MembersQuery),
    responses((status = OK, body = Page<Member>)))]
async fn list(tenant: Tenant, listing: Listing<MembersQuery>) -> Result<Page<Member>> {
    let page = listing.page::<String>(&tenant)?;
    let after = page.after.as_deref().unwrap_or_default();
    let mut conn = tenant.reads().await?;
    let tx = conn.read().last();
    let rows = match listing.query.role_id {
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
    responses((status = OK, body = Member), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>, known: IfNoneMatch) -> Result<Response> {
    MEMBER.at(&tenant, &[&id]).read::<Member>().await.map(|member| known.answer(member))
}

/// Give a member another role.
///
/// Needs `members:write`, `members:read` and `roles:read`, every permission that either role holds, and `If-Match` with
/// the ETag that was read. The last owner stays one.
#[utoipa::path(patch, path = "/tenant/members/{id}", tag = "members",
    extensions(("x-route" = json!({ "charged": "principal" }))),
    params(("id" = Uuid, Path, description = "The user's id"), ("If-Match" = String, Header)),
    request_body = MemberPatch, responses((status = OK, body = Member)))]
async fn update(
    tenant: Tenant,
    Path(id): Path<Uuid>,
    IfMatch(versions): IfMatch,
    prefer: Prefer,
    MergePatch(patch): MergePatch<MemberPatch>,
) -> Result<Response> {
    let mut conn = tenant.writes().await?;
    let params: Params<'_> = &[&id, &versions, &patch.role_id];
    let (_, changed) = conn.write().last().after([(sql!("members/hold"), &[])], sql!("members/update"), params).await?;
    if let Some(member) = changed.optional::<Member>()? {
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
    MEMBER.at(&tenant, &[&id]).write(sql!("members/delete"), &[&versions]).await.map(|()| StatusCode::NO_CONTENT)
}
