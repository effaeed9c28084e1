//! Accepting an invitation: as somebody who has an account, or by making one.
use axum::{extract::State, http::StatusCode};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    auth::{Action, Asker, Client, SignedIn, attempt, read_invitation},
    db::Params,
    from_row,
    http::{Json, Violations},
    sql,
};

const NAME: std::ops::RangeInclusive<usize> = 1..=200;

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(show)).routes(routes!(accept_as_new)).routes(routes!(accept))
}

/// The token from the letter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct InvitationToken {
    #[schema(value_type = String)]
    token: SecretString,
}

/// The token from the letter, and the account to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AcceptAsNew {
    #[schema(value_type = String)]
    token: SecretString,
    #[schema(min_length = 1, max_length = 200)]
    full_name: String,
    /// 15 characters at least, and not one that anybody would try first.
    #[schema(value_type = String, format = Password, min_length = 15)]
    password: SecretString,
}

/// What an invitation is for.
#[derive(Debug, Serialize, ToSchema)]
struct InvitationPreview {
    /// The tenant's name.
    tenant: String,
    slug: String,
    /// The address the invitation was sent to; only its owner can accept.
    #[schema(format = Email)]
    email: String,
    /// The role's name.
    role: String,
    expires_at: Timestamp,
    /// Whether that address has an account: then sign in and accept; otherwise accept and make one.
    has_account: bool,
}
from_row! { InvitationPreview: tenant = "tenant_name", slug, email, role, expires_at, has_account }

/// The tenant that was joined.
#[derive(Debug, Serialize, ToSchema)]
struct JoinedTenant {
    tenant_id: Uuid,
}
from_row! { JoinedTenant: tenant_id }

/// What am I invited to?
#[utoipa::path(post, path = "/auth/invitations/show", tag = "public", request_body = InvitationToken,
    responses((status = OK, body = InvitationPreview)))]
async fn show(
    State(app): State<App>,
    client: Client,
    Json(given): Json<InvitationToken>,
) -> Result<Json<InvitationPreview>> {
    let invited = read_invitation(&given.token)?;
    let mut conn = app.db.public().await?;
    attempt(&mut conn, Action::Link, &invited.id.to_string(), &client).await?;
    let params: Params<'_> = &[&invited.tenant, &invited.id, &invited.hash.as_slice()];
    let found: Option<InvitationPreview> = conn.read().last().optional(sql!("auth/find_invitation"), params).await?;
    found.map(Json).ok_or(Error::LinkSpent)
}

/// Accept an invitation and make an account with the address it was sent to.
#[utoipa::path(post, path = "/auth/invitations/accept", tag = "public", request_body = AcceptAsNew,
    responses((status = CREATED, body = JoinedTenant)))]
async fn accept_as_new(
    State(app): State<App>,
    client: Client,
    Json(given): Json<AcceptAsNew>,
) -> Result<(StatusCode, Json<JoinedTenant>)> {
    let mut violations = Violations::default();
    violations.line("/full_name", &given.full_name, NAME);
    violations.password("/password", &given.password, false, &[&given.full_name]);
    violations.finish()?;
    let invited = read_invitation(&given.token)?;
    let mut conn = app.db.public().await?;
    attempt(&mut conn, Action::Link, &invited.id.to_string(), &client).await?;
    drop(conn);
    let hash = app.auth.passwords.hash(Asker::Network(&client.network()), given.password).await?;
    let user = new_id();
    let mut conn = app.db.public().await?;
    let params: Params<'_> = &[&invited.tenant, &invited.id, &invited.hash.as_slice(), &user, &given.full_name, &hash];
    let joined = conn.write().last().one(sql!("auth/accept_invitation_as_new"), params).await?;
    Ok((StatusCode::CREATED, Json(joined)))
}

/// Accept an invitation that was sent to one's own address.
#[utoipa::path(post, path = "/me/invitations/accept", tag = "me", request_body = InvitationToken,
    responses((status = CREATED, body = JoinedTenant)))]
async fn accept(me: SignedIn, Json(given): Json<InvitationToken>) -> Result<(StatusCode, Json<JoinedTenant>)> {
    let invited = read_invitation(&given.token)?;
    let mut conn = me.connect().await?;
    let params: Params<'_> = &[&invited.tenant, &invited.id, &invited.hash.as_slice()];
    let joined = conn.write().last().one(sql!("me/accept_invitation"), params).await?;
    Ok((StatusCode::CREATED, Json(joined)))
}
