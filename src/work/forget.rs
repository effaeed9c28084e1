//! What is kept for a while is forgotten: jobs that have ended, answers to repeated requests, notifications and events of long ago. What is
//! too young to go, the policies of the tables say, however few days a job is told.
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Error, Result,
    db::{Params, Sql},
    jobs::{Failed, Held, Job, backoff::Backoff},
    sql,
};

/// What may be caused by whoever holds `jobs:write`, and is tried again for some hours.
const BACKOFF: Backoff = Backoff::new(Duration::from_mins(1), Duration::from_hours(1), 5);

/// Forgets a tenant's jobs that ended long ago.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetJobs {
    /// How many days ago.
    pub days: u16,
}

impl ForgetJobs {
    /// Jobs that have ended are kept for so long unless a job says otherwise.
    pub(super) const USUAL: Self = Self { days: 30 };
}

impl Job for ForgetJobs {
    const KIND: &'static str = "jobs.forget";
    const PERMISSIONS: &'static [&'static str] = &["jobs:forget"];
    const ASKS: Option<&'static str> = Some("jobs:write");
    const BACKOFF: Backoff = BACKOFF;
}

/// Forgets keys of repeated requests that have expired, with what was answered, and tickets that nobody has used.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetIdempotencyKeys {}

impl Job for ForgetIdempotencyKeys {
    const KIND: &'static str = "idempotency_keys.forget";
    const PERMISSIONS: &'static [&'static str] = &["idempotency_keys:forget", "tickets:forget"];
    const ASKS: Option<&'static str> = Some("jobs:write");
    const BACKOFF: Backoff = BACKOFF;
}

/// Forgets what members were told long ago, read or not.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetNotifications {
    /// How many days ago; the database lets none go that is younger than 30.
    pub days: u16,
}

impl ForgetNotifications {
    /// Notifications are kept for so long.
    pub(super) const USUAL: Self = Self { days: 90 };
}

impl Job for ForgetNotifications {
    const KIND: &'static str = "notifications.forget";
    const PERMISSIONS: &'static [&'static str] = &["notifications:forget"];
    const ASKS: Option<&'static str> = Some("jobs:write");
    const BACKOFF: Backoff = BACKOFF;
}

/// Forgets what happened long ago, and notes how far it is forgotten.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetEvents {
    /// How many days ago; the database lets none go that is younger than 30.
    pub days: u16,
}

impl ForgetEvents {
    /// Events are kept for so long.
    pub(super) const USUAL: Self = Self { days: 90 };
}

impl Job for ForgetEvents {
    const KIND: &'static str = "events.forget";
    const PERMISSIONS: &'static [&'static str] = &["events:read", "events:forget"];
    const ASKS: Option<&'static str> = Some("jobs:write");
    const BACKOFF: Backoff = BACKOFF;
}

struct Gone;

impl crate::db::FromRow for Gone {
    fn from_row(_: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self)
    }
}

/// A statement that forgets some, until there are no more.
async fn forget(held: &Held, statement: Sql, params: Params<'_>) -> Result<Value, Failed> {
    let mut forgotten = 0;
    loop {
        let mut conn = held.writes().await?;
        let gone: Vec<Gone> = conn.write().last().all(statement, params).await.map_err(Error::from)?;
        forgotten += gone.len();
        let counted = i64::try_from(forgotten).unwrap_or(i64::MAX);
        if gone.is_empty() || !held.progress(counted, None) {
            return Ok(json!({ "forgotten": forgotten }));
        }
    }
}

pub(super) async fn jobs(job: ForgetJobs, held: Held) -> Result<Value, Failed> {
    forget(&held, sql!("work/forget_jobs"), &[&i32::from(job.days)]).await
}

pub(super) async fn idempotency_keys(_: ForgetIdempotencyKeys, held: Held) -> Result<Value, Failed> {
    let keys = forget(&held, sql!("work/forget_idempotency_keys"), &[]).await?;
    let tickets = forget(&held, sql!("work/forget_tickets"), &[]).await?;
    Ok(json!({ "forgotten": keys["forgotten"], "tickets": tickets["forgotten"] }))
}

pub(super) async fn notifications(job: ForgetNotifications, held: Held) -> Result<Value, Failed> {
    forget(&held, sql!("work/forget_notifications"), &[&i32::from(job.days)]).await
}

pub(super) async fn events(job: ForgetEvents, held: Held) -> Result<Value, Failed> {
    forget(&held, sql!("work/forget_events"), &[&i32::from(job.days)]).await
}
