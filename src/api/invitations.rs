//! `/tenant/invitations`: whom the tenant asks to join. Accepting is in `invited.rs`.
use axum::{extract::State, http::StatusCode, response::Response};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    auth::{Action, Tenant, attempt_of_tenant, invitation_of},
    db::{Constraint, Params},
    error::Violation,
    from_row,
    http::{
        Early, IfMatch, IfNoneMatch, Listing, Once, One, Page, Path, PlainQuery, Post, Tagged, Violations, versioned,
    },
    jobs::{NewJob, enqueue::ENQUEUE},
    sql,
    work::invitations::SendInvitation,
};

const LIFETIME: &str = "7 days";

const INVITATION: One = One::new("invitation", sql!("invitations/get"));

/// What breaking each of the constraints means to a caller.
pub(super) const CONSTRAINTS: &[Constraint] = &[
    Constraint::taken("invitations_email_key", "/email", "is invited already; have the invitation sent once more"),
    Constraint::taken("invitations_member_key", "/email", "is a member's of this tenant already"),
    Constraint::out_of_range("invitations_email_check", "/email", "is not an e-mail address"),
];

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(list, create)).routes(routes!(get, delete)).routes(routes!(resend))
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
    expires_at: Timestamp,
    /// Whether it can still be accepted; if not, have it sent once more.
    expired: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip)]
    version: i64,
}
versioned!(Invitation);
from_row! { Invitation: id, email, role_id, invited_by, expires_at, expired, created_at, updated_at, version }

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
from_row! { Letterhead: tenant_name, full_name }

/// List open invitations, newest first.
///
/// Needs `invitations:read`.
#[utoipa::path(get, path = "/tenant/invitations", tag = "invitations",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(PlainQuery),
    responses((status = OK, body = Page<Invitation>)))]
async fn list(tenant: Tenant, listing: Listing<PlainQuery>) -> Result<Page<Invitation>> {
    let page = listing.page::<Uuid>(&tenant)?;
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
    responses((status = CREATED, body = Invitation)))]
async fn create(
    tenant: Tenant,
    State(app): State<App>,
    Post(new, once): Post<NewInvitation>,
) -> Result<Response, Early> {
    once.required()?;
    let mut violations = Violations::default();
    let email = violations.email("/email", &new.email);
    violations.finish()?;
    once.look(&tenant).await?;
    let head = count(&app, &tenant, &email).await?;
    let id = new_id();
    let letter = letter(&tenant, id, head)?;
    let link = invitation_of(app.secrets(), tenant.id(), id, letter.id());
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let params: Params<'_> = &[&id, &email, &new.role_id, &link.hash.as_slice(), &tenant.user(), &LIFETIME];
    let ([made], _, done) = attempt.last([(sql!("invitations/insert"), params)], ENQUEUE, &letter.with()).await?;
    let Some(invitation) = made.optional::<Invitation>()? else {
        let unknown = Violation::at("/role_id", "unknown", "is not a role of this tenant");
        return done.refuse(Error::Invalid(vec![unknown])).await;
    };
    done.created(&format!("/api/v1/tenant/invitations/{id}"), invitation).await
}

/// Read an invitation.
///
/// Needs `invitations:read`.
#[utoipa::path(get, path = "/tenant/invitations/{id}", tag = "invitations",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(("id" = Uuid, Path)),
    responses((status = OK, body = Invitation), (status = NOT_MODIFIED)))]
async fn get(tenant: Tenant, Path(id): Path<Uuid>, known: IfNoneMatch) -> Result<Response> {
    INVITATION.at(&tenant, &[&id]).read::<Invitation>().await.map(|invitation| known.answer(invitation))
}

/// Send an invitation once more, with a new link that is good for a week; the one before no longer is.
///
/// Needs `invitations:write` and `invitations:read`, and every permission that the role holds.
#[utoipa::path(post, path = "/tenant/invitations/{id}/resend", tag = "invitations",
    extensions(("x-route" = json!({ "charged": "principal" }))), params(("id" = Uuid, Path)),
    responses((status = OK, body = Invitation, headers(("ETag" = String)))))]
async fn resend(tenant: Tenant, State(app): State<App>, Path(id): Path<Uuid>, once: Once) -> Result<Response, Early> {
    once.look(&tenant).await?;
    let head = count(&app, &tenant, &id.to_string()).await?;
    let letter = letter(&tenant, id, head)?;
    let link = invitation_of(app.secrets(), tenant.id(), id, letter.id());
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let params: Params<'_> = &[&id, &link.hash.as_slice(), &LIFETIME];
    let ([sent], _, done) = attempt.last([(sql!("invitations/resend"), params)], ENQUEUE, &letter.with()).await?;
    let Some(invitation) = sent.optional::<Invitation>()? else { return done.refuse(INVITATION.missing()).await };
    done.answer(Tagged(invitation)).await
}

/// Take an invitation back.
///
/// Needs `invitations:delete` and `invitations:read`, and `If-Match` with the ETag that was read.
#[utoipa::path(delete, path = "/tenant/invitations/{id}", tag = "invitations",
    extensions(("x-route" = json!({ "charged": "principal" }))),
    params(("id" = Uuid, Path), ("If-Match" = String, Header)), responses((status = NO_CONTENT)))]
async fn delete(tenant: Tenant, Path(id): Path<Uuid>, IfMatch(versions): IfMatch) -> Result<StatusCode> {
    INVITATION
        .at(&tenant, &[&id])
        .write(sql!("invitations/delete"), &[&versions])
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

/// Counts a letter, for who may send one: nobody else must be able to use up what a tenant may. What stands above it.
async fn count(app: &App, tenant: &Tenant, to: &str) -> Result<Letterhead> {
    let mut conn = tenant.writes().await?;
    let may = (sql!("invitations/may_invite"), &[] as Params<'_>);
    let (_, head) = conn.read().last().after([may], sql!("invitations/letterhead"), &[]).await?;
    let head = head.one()?;
    drop(conn);
    attempt_of_tenant(&app.auth, Action::Invitation, to, tenant.id()).await?;
    Ok(head)
}

/// The job that sends it; the link it carries follows from its id.
fn letter(tenant: &Tenant, invitation: Uuid, head: Letterhead) -> Result<NewJob> {
    let job = SendInvitation { invitation, tenant: head.tenant_name, inviter: head.full_name };
    Ok(NewJob::new(&job)?.by(tenant.user()))
}
