//! `/notifications`: what a member is told. The system writes them (`sql/functions/registry.notify_member.sql`); a member
//! reads their own and says so.
use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use uuid::Uuid;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    auth::{OwnPage, Tenant},
    db::Params,
    from_row,
    http::{Asks, Chosen, Early, Json, Listing, Once, Page, Path, Post, Query},
    live::{self, LastEventId, LastEventIdHeader, Topic},
    notifications::Notification,
    sql,
};

/// The unread are counted so far.
const COUNTED: i64 = 1_000;
/// Marked by one statement.
const BATCH: i64 = 1_000;

pub(crate) fn routes() -> Endpoints {
    Endpoints::new()
        .routes(routes!(list))
        .routes(routes!(follow))
        .routes(routes!(unread_count))
        .routes(routes!(read_all))
        .routes(routes!(read))
        .routes(routes!(unread))
}

/// Which notifications.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NotificationsQuery {
    /// Rows on the page, 50 unless said; fewer where they are long.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only those not read yet.
    #[serde(default)]
    #[param(required = false)]
    unread: bool,
}

impl Asks for NotificationsQuery {
    fn place(&self) -> (Option<i64>, Option<&str>) {
        (self.limit, self.cursor.as_deref())
    }

    fn chosen(&self) -> Vec<Chosen> {
        vec![("unread", self.unread.then(|| "true".to_owned()))]
    }
}

/// How many notifications are not read yet.
#[derive(Debug, Serialize, ToSchema)]
struct UnreadCount {
    #[schema(minimum = 0, maximum = 1_000)]
    unread: i64,
    /// Whether there are more than were counted.
    more: bool,
}

/// What to mark as read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MarkAllRead {
    /// The newest one the reader has seen: what came later stays unread. All of them unless said.
    until: Option<Uuid>,
}

/// What was marked.
#[derive(Debug, Serialize, ToSchema)]
struct MarkedRead {
    /// How many were unread before.
    #[schema(minimum = 0, format = Int64)]
    read: usize,
    /// What is left: what came later than `until`, or just now.
    #[serde(flatten)]
    left: UnreadCount,
}

/// Up to one more than is told, which is how we learn whether there are more.
struct Unread(i64);
from_row! { Unread: "counted" }

impl From<Unread> for UnreadCount {
    fn from(Unread(counted): Unread) -> Self {
        Self { unread: counted.min(COUNTED), more: counted > COUNTED }
    }
}

/// List my notifications in this tenant, newest first.
///
/// Needs no permission. An API key is told nothing.
#[utoipa::path(get, path = "/notifications", tag = "notifications", params(NotificationsQuery),
    responses((status = OK, body = Page<Notification>)))]
async fn list(tenant: Tenant, listing: Listing<NotificationsQuery>) -> Result<Page<Notification>> {
    let me = tenant.person()?.as_uuid();
    let page = listing.page::<Uuid>(&tenant)?;
    let before = page.after.unwrap_or(Uuid::max());
    let mut conn = tenant.reads().await?;
    let last = conn.read().last();
    let rows = if listing.query.unread {
        last.all(sql!("notifications/list_unread"), &[&me, &before, &page.fetch()]).await
    } else {
        last.all(sql!("notifications/list"), &[&me, &before, &page.fetch()]).await
    }?;
    page.page(rows, |notification: &Notification| notification.id)
}

/// From where is followed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FollowQuery {
    /// Where to go on: an `id` of this stream. From now on without. `Last-Event-ID` comes first.
    after: Option<String>,
}

/// Follow my notifications in this tenant, as they are made.
///
/// Needs no permission. Server-sent events: each has as `id` the position after it, and as `data` what `GET /notifications` lists. An API key is
/// told nothing. See docs/live.md.
#[utoipa::path(get, path = "/notifications/stream", tag = "notifications",
    params(FollowQuery, LastEventIdHeader),
    responses((status = OK, content_type = "text/event-stream", body = String)))]
async fn follow(
    State(app): State<App>,
    tenant: Tenant,
    Query(query): Query<FollowQuery>,
    last: LastEventId,
    _: OwnPage,
) -> Result<Response> {
    live::follow(&app.live, &app.auth, &tenant, Topic::Notifications, last.or(query.after.as_deref())).await
}

/// How many of my notifications in this tenant are unread?
///
/// Needs no permission. Counts up to 1,000.
#[utoipa::path(get, path = "/notifications/unread-count", tag = "notifications",
    responses((status = OK, body = UnreadCount)))]
async fn unread_count(tenant: Tenant) -> Result<Json<UnreadCount>> {
    let me = tenant.person()?.as_uuid();
    let mut conn = tenant.reads().await?;
    let counted: Unread = conn.read().last().one(sql!("notifications/count_unread"), &[&me, &(COUNTED + 1)]).await?;
    Ok(Json(counted.into()))
}

/// Mark a notification as read.
///
/// Needs no permission. What is read already keeps its time.
#[utoipa::path(post, path = "/notifications/{id}/read", tag = "notifications", params(("id" = Uuid, Path)),
    responses((status = OK, body = Notification)))]
async fn read(tenant: Tenant, Path(id): Path<Uuid>, once: Once) -> Result<Response, Early> {
    mark(&tenant, id, true, once).await
}

/// Mark a notification as not read, to come back to it.
///
/// Needs no permission.
#[utoipa::path(post, path = "/notifications/{id}/unread", tag = "notifications", params(("id" = Uuid, Path)),
    responses((status = OK, body = Notification)))]
async fn unread(tenant: Tenant, Path(id): Path<Uuid>, once: Once) -> Result<Response, Early> {
    mark(&tenant, id, false, once).await
}

async fn mark(tenant: &Tenant, id: Uuid, read: bool, once: Once) -> Result<Response, Early> {
    let me = tenant.person()?.as_uuid();
    let mut conn = tenant.writes().await?;
    let attempt = once.begin(&mut conn);
    let gone = Error::NotFound("notification");
    let (marked, done) = attempt.one_or::<Notification>(sql!("notifications/mark"), &[&me, &id, &read], gone).await?;
    done.answer(Json(marked)).await
}

/// Mark all my notifications in this tenant as read, or those up to one.
///
/// Needs no permission.
#[utoipa::path(post, path = "/notifications/read-all", tag = "notifications", request_body = MarkAllRead,
    responses((status = OK, body = MarkedRead)))]
async fn read_all(tenant: Tenant, Post(what, once): Post<MarkAllRead>) -> Result<Response, Early> {
    let me = tenant.person()?.as_uuid();
    let until = what.until.unwrap_or(Uuid::max());
    let full = usize::try_from(BATCH).unwrap_or(usize::MAX);
    let mut conn = tenant.writes().await?;
    let mut attempt = once.begin(&mut conn);
    let mark: Params<'_> = &[&me, &until, &BATCH];
    let (mut read, count) = (0, COUNTED + 1);
    // A batch at a time, so that no statement runs into its time limit; most have no more than one.
    let left: Unread = loop {
        let mark_all = [(sql!("notifications/mark_all"), mark)];
        let ([marked], left) = attempt.after(mark_all, sql!("notifications/count_unread"), &[&me, &count]).await?;
        read += marked.len();
        if marked.len() < full {
            break left.one()?;
        }
    };
    attempt.done().await?.answer(Json(MarkedRead { read, left: left.into() })).await
}
