//! `/events`: what happens in the tenant, in the order in which it was committed; `/event-types`: what there is to tell.
use std::collections::BTreeSet;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    Error, Result,
    app::{App, Endpoints},
    auth::{OwnPage, Tenant},
    error::Violation,
    events::{Event, Floor, Horizon, Position, TYPES},
    http::{Asks, Chosen, Json, Listing, Query},
    live::{self, LastEventId, LastEventIdHeader, Topic},
    sql,
};

pub(crate) fn routes() -> Endpoints {
    Endpoints::new().routes(routes!(feed)).routes(routes!(follow)).routes(routes!(list))
}

/// Some events, in the order in which they were committed.
#[derive(Debug, Serialize, ToSchema)]
struct Events {
    items: Vec<Event>,
    /// Pass as `after` to go on. There always is one: where nothing more has happened yet, ask with it later.
    cursor: String,
    /// Whether there is more to read already.
    more: bool,
}

/// Where to begin without `after`.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Begin {
    /// With the oldest event that is kept.
    #[default]
    Oldest,
    /// With what happens from now on.
    Now,
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Events at once, 50 unless said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// `cursor` of the answer before.
    after: Option<String>,
    /// Where to begin without `after`.
    #[serde(default)]
    #[param(required = false)]
    from: Begin,
    /// Only events of these types, separated by commas.
    #[serde(rename = "type")]
    #[param(rename = "type", example = "project.created,project.updated")]
    types: Option<String>,
}

impl EventsQuery {
    /// The types that are asked for, each with the permission that reads it.
    fn types(&self) -> Result<(Vec<&'static str>, Vec<&'static str>)> {
        let Some(asked) = &self.types else {
            return Ok(TYPES.iter().map(|kind| (kind.name, kind.permission)).unzip());
        };
        let asked: BTreeSet<&str> = asked.split(',').collect();
        let known = |name: &str| {
            let unknown = || {
                let detail = format!("there is no type of event called {name:?}; GET /api/v1/event-types lists them");
                Error::BadRequest(vec![Violation::parameter("type", "unknown_event_type", detail)])
            };
            TYPES.iter().find(|kind| kind.name == name).map(|kind| (kind.name, kind.permission)).ok_or_else(unknown)
        };
        asked.into_iter().map(known).collect()
    }
}

impl Asks for EventsQuery {
    fn place(&self) -> (Option<i64>, Option<&str>) {
        (self.limit, self.after.as_deref())
    }

    /// Nothing: a reader may ask for other types from where they stand.
    fn chosen(&self) -> Vec<Chosen> {
        Vec::new()
    }
}

/// Read what happens in the tenant, in the order in which it was committed.
///
/// Needs `events:read`, and of each event the permission that its type names: of others nothing is told. Whoever goes on with
/// `cursor` gets each event once and misses none, however long the transactions take that tell them. They are kept for 90 days: whoever comes back
/// later than that is answered 410 `events_gone`.
#[utoipa::path(get, path = "/events", tag = "events", params(EventsQuery), responses((status = OK, body = Events)))]
async fn feed(tenant: Tenant, listing: Listing<EventsQuery>) -> Result<Json<Events>> {
    let (types, permissions) = listing.query.types()?;
    let page = listing.page::<Position>(&tenant)?;
    let after = page.after.unwrap_or(match listing.query.from {
        Begin::Oldest => Position::START,
        Begin::Now => Position::END,
    });
    let Position { epoch, xid, id } = after;
    let limit = page.limit();
    let mut conn = tenant.reads().await?;
    let params: crate::db::Params<'_> = &[&epoch, &xid, &id, &types, &permissions, &limit];
    // The horizon first, so that it is no later than what is read: nothing that comes in between is passed over. The floor last: nothing
    // that is forgotten in between is.
    let ([horizon, items], floor) = conn
        .read()
        .last()
        .after([(sql!("events/horizon"), &[]), (sql!("events/list"), params)], sql!("events/floor"), &[])
        .await?;
    let items: Vec<Event> = items.all()?;
    let (horizon, floor): (Horizon, Option<Floor>) = (horizon.one()?, floor.optional()?);
    let stands = |after: Position| horizon.has_seen(after) && floor.is_none_or(|floor| floor.is_below(after));
    if page.after.is_some_and(|after| !stands(after)) {
        return Err(Error::EventsGone);
    }
    let more = i64::try_from(items.len()).is_ok_and(|read| read == limit);
    let read = items.last().map_or(page.after.unwrap_or(Position::START), |event| event.position);
    let cursor = page.cursor(&if more { read } else { read.max(horizon.position()) })?;
    Ok(Json(Events { items, cursor, more }))
}

/// What is followed, and from where.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FollowQuery {
    /// Where to go on: an `id` of this stream, or a `cursor` of the feed. From now on without. `Last-Event-ID` comes first.
    after: Option<String>,
    /// Only events of these types, separated by commas; each has to be one that the caller may read.
    #[serde(rename = "type")]
    #[param(rename = "type", example = "project.created,project.updated")]
    types: Option<String>,
}

/// Follow what happens in the tenant, as it happens.
///
/// Needs `events:read`, and for each type that is named the permission that reads it. Server-sent events: each has as `id` the position after it,
/// and as `data` what `GET /events` lists. See docs/live.md.
#[utoipa::path(get, path = "/events/stream", tag = "events",
    params(FollowQuery, LastEventIdHeader),
    responses((status = OK, content_type = "text/event-stream", body = String)))]
async fn follow(
    State(app): State<App>,
    tenant: Tenant,
    Query(query): Query<FollowQuery>,
    last: LastEventId,
    _: OwnPage,
) -> Result<Response> {
    let topic = Topic::events(query.types.as_deref())?;
    live::follow(&app.live, &app.auth, &tenant, topic, last.or(query.after.as_deref())).await
}

/// A type of event.
#[derive(Debug, Serialize, ToSchema)]
struct EventType {
    #[schema(example = "project.created")]
    name: &'static str,
    /// Of what `data` look like; another one when a reader of the one before could no longer read them.
    version: i16,
    /// What whoever reads one must hold, beside `events:read`.
    #[schema(example = "projects:read")]
    permission: &'static str,
    /// When there is one.
    description: &'static str,
    /// The JSON schema of `data`.
    #[schema(value_type = Object)]
    schema: Value,
}

/// All types of event.
#[derive(Debug, Serialize, ToSchema)]
struct EventTypes {
    items: Vec<EventType>,
}

/// List the types of event.
///
/// For anybody. There will be more: a reader passes over types it does not know, and over fields of `data` as well.
#[utoipa::path(get, path = "/event-types", tag = "public", responses((status = OK, body = EventTypes)))]
async fn list() -> impl IntoResponse {
    let kind = |kind: &crate::events::EventType| EventType {
        name: kind.name,
        version: kind.version,
        permission: kind.permission,
        description: kind.meaning,
        schema: (kind.schema)(),
    };
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(EventTypes { items: TYPES.iter().map(kind).collect() }))
}
