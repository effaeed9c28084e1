//! `webhooks.replay`: has what happened in some time sent to an endpoint, also what it was never told of; or only has somebody look at once
//! what waits there.
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{There, relay::Stands, wake};
use crate::{
    Error,
    db::Params,
    events::Position,
    from_row,
    jobs::{Failed, Held, Job, backoff::Backoff},
    sql,
};

/// Events at a time.
const PAGE: i64 = 1000;

/// What is to be sent once more.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    endpoint: Uuid,
    range: Option<Range>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Range {
    from: Timestamp,
    to: Timestamp,
    all: bool,
}

impl Replay {
    /// Nothing but what waits already.
    #[must_use]
    pub fn wake(endpoint: Uuid) -> Self {
        Self { endpoint, range: None }
    }

    /// What happened in some time: what was not delivered, or all of it.
    #[must_use]
    pub fn range(endpoint: Uuid, from: Timestamp, to: Timestamp, all: bool) -> Self {
        Self { endpoint, range: Some(Range { from, to, all }) }
    }
}

impl Job for Replay {
    const KIND: &'static str = "webhooks.replay";
    const PERMISSIONS: &'static [&'static str] = &["events:read", "webhooks:relay", "webhooks:write"];
    const ASKS: Option<&'static str> = Some("webhooks:write");
    const BACKOFF: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_mins(5), 20);
    const TIMEOUT: Duration = Duration::from_hours(1);
}

struct Page {
    read: i64,
    epoch: i64,
    xid: i64,
    id: Uuid,
    made: i64,
    moment: i64,
}
from_row! { Page: read, epoch, xid, id, made, moment }

pub(crate) async fn replay(job: Replay, held: Held) -> Result<Value, Failed> {
    let (mut at, mut read, mut made) = (Position::START, 0, 0);
    loop {
        let mut conn = held.writes().await?;
        let mut tx = conn.write();
        let there: Option<There> =
            tx.optional(sql!("work/webhooks_hold_one"), &[&job.endpoint]).await.map_err(Error::from)?;
        if there.is_none() {
            held.succeed_in(tx, &json!({ "endpoint": "deleted" })).await?;
            return Ok(Value::Null);
        }
        let mut full = false;
        if let Some(Range { from, to, all }) = &job.range {
            tx.all::<()>(sql!("work/webhooks_begin"), &[]).await.map_err(Error::from)?;
            // After the relay, which goes by this row as well: ids go on, and nobody makes the same at the same time.
            let stands: Stands = tx.one(sql!("work/webhooks_position"), &[]).await.map_err(Error::from)?;
            let (moment, limit) = (stands.moment.max(stands.now), PAGE);
            let params: Params<'_> = &[&job.endpoint, &at.epoch, &at.xid, &at.id, &limit, &moment, from, to, all];
            let page: Option<Page> = tx.optional(sql!("work/webhooks_replay"), params).await.map_err(Error::from)?;
            if let Some(page) = page {
                full = page.read == PAGE;
                at = Position { epoch: page.epoch, xid: page.xid, id: page.id };
                let params: Params<'_> = &[&stands.epoch, &stands.xid, &stands.event_id, &page.moment];
                tx.all::<There>(sql!("work/webhooks_move"), params).await.map_err(Error::from)?;
                (read, made) = (read + page.read, made + page.made);
            }
        }
        wake(&mut tx, &[job.endpoint], None).await?;
        if full {
            if !held.progress(read, None) {
                return Err(Failed::again("stopped", "it was asked to stop".to_owned()));
            }
            tx.commit().await.map_err(Error::from)?;
            continue;
        }
        let result = json!({ "events": read, "deliveries": made });
        held.succeed_in(tx, &result).await?;
        return Ok(result);
    }
}
