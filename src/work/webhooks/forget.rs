//! `webhooks.forget`: what ended long ago is forgotten, and whoever has something waiting is looked after once more.
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{There, wake};
use crate::{
    Error, from_row,
    jobs::{Failed, Held, Job, backoff::Backoff},
    sql,
};

/// Deliveries that have ended are kept for so many days, with their tries.
pub const DAYS: u16 = 30;

/// Forgets deliveries of a tenant that ended long ago.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetDeliveries {
    /// How many days ago.
    pub days: u16,
}

impl Job for ForgetDeliveries {
    const KIND: &'static str = "webhooks.forget";
    const PERMISSIONS: &'static [&'static str] = &["webhooks:forget", "webhooks:write"];
    const ASKS: Option<&'static str> = Some("webhooks:write");
    const BACKOFF: Backoff = Backoff::new(Duration::from_mins(1), Duration::from_hours(1), 5);
}

struct Told {
    id: Uuid,
}
from_row! { Told: id }

pub(crate) async fn forget(job: ForgetDeliveries, held: Held) -> Result<Value, Failed> {
    let mut forgotten = 0_i64;
    loop {
        let mut conn = held.writes().await?;
        let mut tx = conn.write();
        let gone: Vec<There> =
            tx.all(sql!("work/webhooks_forget"), &[&i32::from(job.days)]).await.map_err(Error::from)?;
        forgotten += i64::try_from(gone.len()).unwrap_or(i64::MAX);
        if !gone.is_empty() && held.progress(forgotten, None) {
            tx.commit().await.map_err(Error::from)?;
            continue;
        }
        // A job that was to send and is dead, or was cancelled, sends nothing: now and then there is another.
        let told: Vec<Told> = tx.all(sql!("work/webhooks_hold"), &[]).await.map_err(Error::from)?;
        let endpoints: Vec<Uuid> = told.iter().map(|told| told.id).collect();
        wake(&mut tx, &endpoints, None).await?;
        let result = json!({ "forgotten": forgotten });
        held.succeed_in(tx, &result).await?;
        return Ok(result);
    }
}
