//! `/tenant/invitations`: whom the tenant asks to join. Accepting is in `invited.rs`.
use axum::{
    extract::{OriginalUri, State},
    http::StatusCode,
    response::Response,
};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    Error, Result,
    app::App,
    auth::{Action, Tenant, attempt_of_tenant, new_invitation},
    error::Violation,
    from_row,
    http::{
        etag::{IfMatch, IfNoneMatch, Tagged, missed, versioned},
        extract::{Path, Query},
        idempotency::{Begun, Once, Post},
        page::{Page, PlainQuery},
        validate::Violations,
    },
    mail::{Letter, Link},
    sql,
};

const LIFETIME: &str = "7 days";

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, delete)).routes(routes!(resend))
}

/// An invitation that was not accepted yet.
#[derive(Debug, Serialize, ToSchema)]
struct Invitation {
    id: Uuid,
    #[schema(format = Email)]
    email: String,
    role_id: Uuid,
    /// The member who invited, with whose membership the invitation ends; null when an API key did.
    invited_by: Option<Uuid>,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Whether it can still be accepted; if not, have it sent once more.
    expired: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}

/// Whom to invite, and as what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InvitationCreate)]
struct NewInvitation {
    #[schema(format = Email)]
    email: String,
    /// One that holds no permission the caller does not hold.
    role_id: Uuid,
}

struct Letterhead {
    tenant_name: String,
    full_name: Option<String>,
}

/// List open invitations, newest first.
///
/// Needs `invitations:read`.
#[utoipa::path(get, path = "/tenant/invitations", tag = "invitations",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(PlainQuery),
    responses((status = OK, body = Page<Invitation>, headers(("Link" = String, description = "The next page, RFC 8288")))))]
async fn list(
    tenant: Tenant,
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<PlainQuery>,
) -> Result<Page<Invitation>> {
    let page = query.page::<Uuid>(app.secrets().mac(), tenant.id().as_uuid(), &uri)?;
    let after = page.after.unwrap_or(Uuid::max());
    let mut conn = tenant.reads().await?;
    let rows = conn.read().last().all(sql!("invitations/list"), &[&after, &page.fetch()]).await?;
    page.page(rows, |invitation: &Invitation| invitation.id)
}

/// Invite somebody by e-mail. The link in the letter is good for a week.
///
/// Needs `invitations:write`, `invitations:read` and `roles:read`, and every permission that the role holds.
#[utoipa::path(post, path = "/tenant/invitations", tag = "invitations",
    extensions(("x-route" = json!({ "charged": "principal", "key": "required" }))), request_body = NewInvitation,
    responses((status = CREATED, body = Invitation, headers(("ETag" = String), ("Location" = String)))))]
async fn create(tenant: Tenant, State(app): State<App>, Post(new, once): Post<NewInvitation>) -> Result<Response> {
    once.required()?;
    let mut violations = Violations::default();
    let email = violations.email("/email", &new.email);
    violations.finish()?;
    if let Some(answer) = once.answered(&tenant).await? {
        return Ok(answer);
    }
    let place = app.mailer.place_for_invitation(&email)?;
    count(&app, &tenant, &email).await?;
    let id = new_id();
    let link = new_invitation(tenant.id(), id)?;
    let mut conn = tenant.writes().await?;
    let mut attempt = match once.begin(&mut conn).await? {
        Begun::First(attempt) => attempt,
        Begun::Again(answer) => return Ok(answer),
    };
    let params: crate::db::Params<'_> = &[&id, &email, &new.role_id, &link.hash.as_slice(), &tenant.user(), &LIFETIME];
    let made: Option<Invitation> = attempt.tx().optional(sql!("invitations/insert"), params).await?;
    let Some(invitation) = made else {
        let unknown = Violation::at("/role_id", "unknown", "is not a role of this tenant");
        return attempt.refuse(Error::Invalid(vec![unknown])).await;
    };
    let (head, done) = attempt.one::<Letterhead>(sql!("invitations/letterhead"), &[]).await?;
    let answer = done.created(&format!("/api/v1/tenant/invitations/{id}"), invitation).await?;
    app.mailer.send(place, letter(id, email, head, link.token));
    Ok(answer)
}

/// Read an invitation.
///
/// Needs `invitations:read`.
#[utoipa::path(get, path = "/tenant/invitations/{id}", tag = "invitations",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(("id" = Uuid, Path)),
    responses((status = OK, body = Invitation, headers(("ETag" = String))), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>, known: IfNoneMatch) -> Result<Response> {
    let mut conn = tenant.reads().await?;
    let invitation: Option<Invitation> = conn.read().last().optional(sql!("invitations/get"), &[&id]).await?;
    invitation.map(|invitation| known.answer(invitation)).ok_or(missed("invitation", false))
}

/// Send an invitation once more, with a new link that is good for a week; the one before no longer is.
///
/// Needs `invitations:write` and `invitations:read`, and every permission that the role holds.
#[utoipa::path(post, path = "/tenant/invitations/{id}/resend", tag = "invitations",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(("id" = Uuid, Path)),
    responses((status = OK, body = Invitation, headers(("ETag" = String)))))]
async fn resend(tenant: Tenant, State(app): State<App>, Path(id): Path<Uuid>, once: Once) -> Result<Response> {
    if let Some(answer) = once.answered(&tenant).await? {
        return Ok(answer);
    }
    let place = app.mailer.place()?;
    count(&app, &tenant, &id.to_string()).await?;
    let link = new_invitation(tenant.id(), id)?;
    let mut conn = tenant.writes().await?;
    let mut attempt = match once.begin(&mut conn).await? {
        Begun::First(attempt) => attempt,
        Begun::Again(answer) => return Ok(answer),
    };
    let params: crate::db::Params<'_> = &[&id, &link.hash.as_slice(), &LIFETIME];
    let sent: Option<Invitation> = attempt.tx().optional(sql!("invitations/resend"), params).await?;
    let Some(invitation) = sent else { return attempt.refuse(missed("invitation", false)).await };
    let (head, done) = attempt.one::<Letterhead>(sql!("invitations/letterhead"), &[]).await?;
    let email = invitation.email.clone();
    let answer = done.answer(Tagged(invitation)).await?;
    app.mailer.send(place, letter(id, email, head, link.token));
    Ok(answer)
}

/// Take an invitation back.
///
/// Needs `invitations:delete` and `invitations:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(delete, path = "/tenant/invitations/{id}", tag = "invitations",
    extensions(("x-route" = json!({ "charged": "principal" }))),
    params(("id" = Uuid, Path), ("If-Match" = String, Header)), responses((status = NO_CONTENT)))]
async fn delete(tenant: Tenant, Path(id): Path<Uuid>, IfMatch(versions): IfMatch) -> Result<StatusCode> {
    let mut conn = tenant.writes().await?;
    let deleted: Option<()> = conn.write().last().optional(sql!("invitations/delete"), &[&id, &versions]).await?;
    if deleted.is_some() {
        return Ok(StatusCode::NO_CONTENT);
    }
    let there: Option<Invitation> = conn.read().last().optional(sql!("invitations/get"), &[&id]).await?;
    Err(missed("invitation", there.is_some()))
}

/// Counts a letter, for who may send one: nobody else must be able to use up what a tenant may.
async fn count(app: &App, tenant: &Tenant, to: &str) -> Result<()> {
    let mut conn = tenant.writes().await?;
    conn.read().last().one::<()>(sql!("invitations/may_invite"), &[]).await?;
    drop(conn);
    attempt_of_tenant(&app.auth, Action::Invitation, to, tenant.id()).await
}

fn letter(id: Uuid, to: String, head: Letterhead, token: String) -> Letter {
    Letter { to, link: Link::Invitation { id, tenant: head.tenant_name, inviter: head.full_name, token } }
}

versioned!(Invitation);

from_row! { Letterhead: tenant_name, full_name }

from_row! { Invitation: id, email, role_id, invited_by, expires_at, expired, created_at, updated_at, version }
