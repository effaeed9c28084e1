//! Where a stream stands in what it follows, and reading on from there.
use std::sync::Arc;

use serde::Serialize;
use tokio_postgres::Row;
use uuid::Uuid;

use super::Topic;
use crate::{
    Error, Result,
    auth::{Authn, Tenant},
    db::{FromRow, Params, Rows},
    events::{Event, Floor, Horizon, Position},
    http::page::{close_place, open_place},
    notifications::Notification,
    sql,
};

/// Read at once. A notification may have 40 kB.
const PAGE: i64 = 50;
/// Bytes of what is sent at once; there is one at least.
const PAGE_BYTES: usize = 256 << 10;
/// How many seconds notifications are kept at least (`notifications.forget`).
const KEPT: i64 = 30 * 24 * 60 * 60;

/// Something that is sent.
#[derive(Debug)]
pub struct Item {
    /// Where whoever has it goes on.
    pub position: String,
    /// What it is, as JSON.
    pub json: String,
}

/// How a stream begins.
#[derive(Debug)]
pub struct Start {
    /// Where it begins, for whoever is cut off before anything comes.
    pub position: String,
    /// Why not where it was asked to.
    pub resync: Option<&'static str>,
}

impl Start {
    /// What whoever is told so has to do.
    #[must_use]
    pub fn detail(&self) -> String {
        format!("{}; what came before is not told: read anew what you keep", self.resync.unwrap_or_default())
    }
}

/// Where a stream stands in one topic.
#[derive(Debug)]
pub struct Reader {
    topic: Topic,
    pub(super) name: Arc<str>,
    owner: Uuid,
    position: Position,
}

/// What was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) items: Vec<Item>,
    /// Whether there is more already.
    pub(super) more: bool,
    /// Whether something is there that is not told before others have ended.
    pub(super) unsettled: bool,
    /// In how many seconds what they prove comes to its own end.
    pub(super) ends_in: Option<f64>,
}

/// That they may, as `live/may` says it.
pub(super) struct May {
    horizon: Horizon,
    /// In how many seconds what they prove comes to its own end.
    pub(super) ends_in: Option<f64>,
}

impl FromRow for May {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self { horizon: Horizon::from_row(row)?, ends_in: row.try_get("ends_in")? })
    }
}

/// What a flush found.
struct Found {
    may: May,
    /// How far events are forgotten.
    floor: Option<Floor>,
    rows: Vec<Told>,
}

/// A row as it is told, and where it stands.
struct Told {
    position: Position,
    json: String,
    /// Whether all that began before it have ended.
    settled: bool,
}

impl Told {
    fn all<T: FromRow + Serialize>(rows: &Rows) -> Result<Vec<Self>> {
        rows.all::<Placed<T>>()?
            .into_iter()
            .map(|Placed { row, position, settled }| {
                let json = serde_json::to_string(&row);
                let json = json.map_err(|error| Error::internal(format!("a row cannot be written: {error}")))?;
                Ok(Self { position, json, settled })
            })
            .collect()
    }
}

struct Placed<T> {
    row: T,
    position: Position,
    settled: bool,
}

impl<T: FromRow> FromRow for Placed<T> {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let position = Position { epoch: row.try_get("epoch")?, xid: row.try_get("xid")?, id: row.try_get("id")? };
        Ok(Self { row: T::from_row(row)?, position, settled: row.try_get("settled")? })
    }
}

impl Reader {
    /// Begins after a position, or with what happens from now on. Fails where the caller may not follow this.
    pub async fn begin(auth: &Authn, tenant: &Tenant, topic: Topic, after: Option<&str>) -> Result<(Self, Start)> {
        let owner = match &topic {
            Topic::Notifications => tenant.person()?.as_uuid(),
            _ => Uuid::nil(),
        };
        let name = topic.name();
        let mut reader = Self { topic, name, owner, position: Position::END };
        let found = reader.rows(tenant).await?;
        let horizon = found.may.horizon;
        reader.position = horizon.position();
        let asked = after.filter(|after| !after.is_empty());
        let resync = match asked.map(|after| reader.open(auth, tenant, after)) {
            None => None,
            Some(None) => Some("the position is none of this stream's"),
            Some(Some((_, at))) if at + KEPT < auth.tokens.now() => {
                Some("what came after the position is not kept any longer")
            }
            Some(Some((position, _))) if !horizon.has_seen(position) => {
                Some("the position is one that this database has not reached: it was brought back from a backup")
            }
            Some(Some((position, _))) if !found.floor.is_none_or(|floor| floor.is_below(position)) => {
                Some("what came after the position is not kept any longer")
            }
            Some(Some((position, _))) => {
                reader.position = position;
                None
            }
        };
        let start = Start { position: reader.place(auth, tenant)?, resync };
        Ok((reader, start))
    }

    /// Reads on, as whoever asks here: fails where they may not any longer.
    pub(super) async fn read(&mut self, auth: &Authn, tenant: &Tenant) -> Result<Read> {
        let Found { may: May { horizon, ends_in }, floor, rows } = self.rows(tenant).await?;
        if !horizon.has_seen(self.position) || floor.is_some_and(|floor| !floor.is_below(self.position)) {
            return Err(Error::EventsGone);
        }
        let full = i64::try_from(rows.len()).is_ok_and(|read| read == PAGE);
        let unsettled = rows.iter().any(|told| !told.settled);
        let mut more = full && !unsettled;
        let mut items = Vec::with_capacity(rows.len());
        let (mut at, mut bytes) = (self.position, 0);
        for Told { position, json, .. } in rows.into_iter().take_while(|told| told.settled) {
            bytes += json.len();
            if bytes > PAGE_BYTES && !items.is_empty() {
                more = true;
                break;
            }
            items.push(Item { position: self.close(auth, tenant, position)?, json });
            at = position;
        }
        // Once all of it can be told.
        self.position = if more { at } else { at.max(horizon.position()) };
        Ok(Read { items, more, unsettled, ends_in })
    }

    /// One flush: whether they may, how far can be read, and what there is.
    async fn rows(&self, tenant: &Tenant) -> Result<Found> {
        let Position { epoch, xid, id } = self.position;
        let permissions = self.topic.permissions();
        let may: Params<'_> = &[&permissions];
        let mut conn = tenant.reads().await?;
        let last = conn.read().last();
        // The horizon before what is read, so that it is no later: nothing that comes in between is passed over.
        let may = (sql!("live/may"), may);
        if matches!(self.topic, Topic::Notifications) {
            let params: Params<'_> = &[&self.owner, &epoch, &xid, &id, &PAGE];
            let ([may], rows) = last.after([may], sql!("live/notifications"), params).await?;
            return Ok(Found { may: may.one()?, floor: None, rows: Told::all::<Notification>(&rows)? });
        }
        let (types, needed) = self.topic.types();
        let params: Params<'_> = &[&epoch, &xid, &id, &types, &needed, &PAGE];
        // The floor last: nothing that is forgotten in between is passed over.
        let before = [may, (sql!("live/events"), params)];
        let ([may, rows], floor) = last.after(before, sql!("events/floor"), &[]).await?;
        Ok(Found { may: may.one()?, floor: floor.optional()?, rows: Told::all::<Event>(&rows)? })
    }

    /// Where it stands, for whoever goes on from here.
    pub(super) fn place(&self, auth: &Authn, tenant: &Tenant) -> Result<String> {
        self.close(auth, tenant, self.position)
    }

    /// Of notifications it is said when, since nobody writes down how far those are forgotten.
    fn close(&self, auth: &Authn, tenant: &Tenant, position: Position) -> Result<String> {
        let (secret, owner, path) = (auth.secrets().mac(), tenant.id().as_uuid(), self.path());
        match self.topic {
            Topic::Notifications => close_place(secret, owner, &path, &(position, auth.tokens.now())),
            Topic::Events | Topic::Some(_) => close_place(secret, owner, &path, &position),
        }
    }

    /// A position, and when it was told.
    fn open(&self, auth: &Authn, tenant: &Tenant, after: &str) -> Option<(Position, i64)> {
        let (secret, owner, path) = (auth.secrets().mac(), tenant.id().as_uuid(), self.path());
        match self.topic {
            Topic::Notifications => open_place(secret, owner, &path, after).ok(),
            Topic::Events | Topic::Some(_) => {
                open_place(secret, owner, &path, after).ok().map(|position| (position, auth.tokens.now()))
            }
        }
    }

    /// Where a position is good: of events where the feed is read, of notifications on streams of the same member alone.
    fn path(&self) -> String {
        match self.topic {
            Topic::Notifications => format!("/api/v1/notifications/stream/{}", self.owner),
            Topic::Events | Topic::Some(_) => "/api/v1/events".to_owned(),
        }
    }
}
