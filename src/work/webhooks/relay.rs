//! `webhooks.relay`: reads a tenant's events in the order in which they were committed, and makes of each a delivery for each endpoint that
//! is to be told of it.
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{There, wake};
use crate::{
    Error, Result,
    db::Params,
    events::Position,
    from_row,
    jobs::{Failed, Held, Job, backoff::Backoff},
    sql,
};

/// Events at a time: a page is a transaction, so that an import of thousands neither fills it nor holds endpoints for long.
const PAGE: i64 = 500;
/// And fewer, so that of many endpoints no more deliveries than this are made at once.
const DELIVERIES: i64 = 2_000;
/// How long a turn is; whoever looks next finds what is left.
const TURN: Duration = Duration::from_secs(10);

/// Makes deliveries of what has happened in a tenant.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {}

impl Job for Relay {
    const KIND: &'static str = "webhooks.relay";
    const PERMISSIONS: &'static [&'static str] = &["events:read", "webhooks:relay", "webhooks:write"];
    const ASKS: Option<&'static str> = Some("webhooks:write");
    const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10), 5);
}

/// How far events have been read.
pub(super) struct Stands {
    pub(super) epoch: i64,
    pub(super) xid: i64,
    pub(super) event_id: Uuid,
    pub(super) moment: i64,
    pub(super) now: i64,
}
from_row! { Stands: epoch, xid, event_id, moment, now }

struct Told {
    #[expect(dead_code, reason = "it is locked, which is what it was asked for")]
    id: Uuid,
    since_epoch: i64,
    since_xid: i64,
}
from_row! { Told: id, since_epoch, since_xid }

struct Page {
    read: i64,
    epoch: i64,
    xid: i64,
    id: Uuid,
    made: i64,
    moment: i64,
    endpoints: Vec<Uuid>,
}
from_row! { Page: read, epoch, xid, id, made, moment, endpoints }

pub(crate) async fn relay(_: Relay, held: Held) -> Result<Value, Failed> {
    let begun = Instant::now();
    let (mut read, mut made) = (0, 0);
    loop {
        let mut conn = held.writes().await?;
        let mut tx = conn.write();
        tx.all::<()>(sql!("work/webhooks_begin"), &[]).await.map_err(Error::from)?;
        let stands: Stands = tx.one(sql!("work/webhooks_position"), &[]).await.map_err(Error::from)?;
        let told: Vec<Told> = tx.all(sql!("work/webhooks_hold"), &[]).await.map_err(Error::from)?;
        // What was told before there was anybody to be told is not read.
        let since = told.iter().map(|told| Position {
            epoch: told.since_epoch,
            xid: told.since_xid.saturating_sub(1),
            id: Uuid::max(),
        });
        let Some(since) = since.min() else {
            held.succeed_in(tx, &json!({ "events": read, "deliveries": made })).await?;
            return Ok(Value::Null);
        };
        let from = since.max(Position { epoch: stands.epoch, xid: stands.xid, id: stands.event_id });
        let moment = stands.moment.max(stands.now);
        let endpoints = i64::try_from(told.len()).unwrap_or(i64::MAX);
        let most = (DELIVERIES / endpoints.max(1)).clamp(10, PAGE);
        let params: Params<'_> = &[&from.epoch, &from.xid, &from.id, &most, &moment];
        let page: Option<Page> = tx.optional(sql!("work/webhooks_relay"), params).await.map_err(Error::from)?;
        let full = page.as_ref().is_some_and(|page| page.read == most);
        let (to, moment) = page
            .as_ref()
            .map_or((from, moment), |page| (Position { epoch: page.epoch, xid: page.xid, id: page.id }, page.moment));
        let params: Params<'_> = &[&to.epoch, &to.xid, &to.id, &moment];
        tx.all::<There>(sql!("work/webhooks_move"), params).await.map_err(Error::from)?;
        if let Some(page) = page {
            wake(&mut tx, &page.endpoints, None).await?;
            (read, made) = (read + page.read, made + page.made);
        }
        if full && begun.elapsed() < TURN && held.progress(read, None) {
            tx.commit().await.map_err(Error::from)?;
            continue;
        }
        let result = json!({ "events": read, "deliveries": made });
        held.succeed_in(tx, &result).await?;
        return Ok(result);
    }
}
