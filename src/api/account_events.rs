//! `/me/events`: what happened to one's account.
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Result,
    app::Endpoints,
    auth::SignedIn,
    from_row,
    http::{Listing, Page, PlainQuery},
    sql,
};

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(list))
}

/// Something that happened to an account.
#[derive(Debug, Serialize, ToSchema)]
struct AccountEvent {
    id: Uuid,
    /// `signed_in`, `refresh_token_replayed`, `password_changed` and the like.
    kind: String,
    /// The session it happened in, or to; it may have ended since.
    session_id: Option<Uuid>,
    address: Option<String>,
    created_at: Timestamp,
}
from_row! { AccountEvent: id, kind, session_id, address, created_at }

/// What happened to my account, newest first?
#[utoipa::path(get, path = "/me/events", tag = "me", params(PlainQuery),
    responses((status = OK, body = Page<AccountEvent>)))]
async fn list(me: SignedIn, listing: Listing<PlainQuery>) -> Result<Page<AccountEvent>> {
    let user = me.user().as_uuid();
    let page = listing.my_page::<(Timestamp, Uuid)>(&me)?;
    let (before, id) = page.after.unwrap_or((Timestamp::MAX, Uuid::max()));
    let mut conn = me.connect().await?;
    let rows = conn.read().last().all(sql!("me/events"), &[&user, &before, &id, &page.fetch()]).await?;
    page.page(rows, |event: &AccountEvent| (event.created_at, event.id))
}
