//! `/me/sessions`: where one is signed in, and ending it there.
use axum::{extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    auth::SignedIn,
    db::Params,
    from_row,
    http::{Listing, Page, Path, PlainQuery},
    sql,
};

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(list, finish_others)).routes(routes!(finish))
}

/// One sign-in on one device.
#[derive(Debug, Serialize, ToSchema)]
struct Session {
    id: Uuid,
    /// bearer or browser.
    kind: String,
    /// What the client calls itself.
    device: Option<String>,
    /// Where it was last refreshed from.
    address: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
    created_at: Timestamp,
    /// To the quarter of an hour that an access token lives, or to the minute for a browser.
    last_used_at: Timestamp,
    expires_at: Timestamp,
}
from_row! { Session: id, kind, device, address, current, created_at, last_used_at, expires_at }

/// Where am I signed in?
#[utoipa::path(get, path = "/me/sessions", tag = "me", params(PlainQuery),
    responses((status = OK, body = Page<Session>)))]
async fn list(me: SignedIn, listing: Listing<PlainQuery>) -> Result<Page<Session>> {
    let (user, current) = (me.user().as_uuid(), me.person().session.handle());
    let page = listing.my_page::<(Timestamp, Uuid)>(&me)?;
    let (before, id) = page.after.unwrap_or((Timestamp::MAX, Uuid::max()));
    let mut conn = me.connect().await?;
    let params: Params<'_> = &[&user, &before, &id, &page.fetch(), &current];
    let rows = conn.read().last().all(sql!("sessions/list"), params).await?;
    page.page(rows, |session: &Session| (session.created_at, session.id))
}

/// End every session but this one, and forget every device that has signed in.
#[utoipa::path(delete, path = "/me/sessions", tag = "me", responses((status = NO_CONTENT)))]
async fn finish_others(State(app): State<App>, me: SignedIn) -> Result<StatusCode> {
    let mut conn = me.connect().await?;
    let current = me.person().session.handle();
    let user = me.user().as_uuid();
    let (_, others) = conn
        .write()
        .last()
        .after([(sql!("devices/forget"), &[&user])], sql!("sessions/finish_others"), &[&current])
        .await?;
    app.auth.ended.sessions(app.secrets(), others.all::<Uuid>()?);
    Ok(StatusCode::NO_CONTENT)
}

/// End a session. Whoever holds its tokens is out at their next request.
#[utoipa::path(delete, path = "/me/sessions/{id}", tag = "me", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
async fn finish(State(app): State<App>, me: SignedIn, Path(id): Path<Uuid>) -> Result<StatusCode> {
    let mut conn = me.connect().await?;
    let ended: Option<()> = conn.write().last().optional(sql!("sessions/finish"), &[&id]).await?;
    ended.ok_or(Error::NotFound("session"))?;
    app.auth.ended.sessions(app.secrets(), [id]);
    Ok(StatusCode::NO_CONTENT)
}
