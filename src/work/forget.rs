//! Jobs that ended long ago are forgotten.
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Error, Result,
    db::{Params, Sql},
    jobs::{Failed, Held, Job, backoff::Backoff},
    sql,
};

/// Jobs that have ended are kept for so many days unless a job says otherwise.
pub(super) const DAYS: u16 = 30;

/// Forgets a tenant's jobs that ended long ago.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetJobs {
    /// How many days ago.
    pub days: u16,
}

impl Job for ForgetJobs {
    const KIND: &'static str = "jobs.forget";
    const PERMISSIONS: &'static [&'static str] = &["jobs:forget"];
    const ASKS: Option<&'static str> = Some("jobs:write");
    const BACKOFF: Backoff = Backoff::new(Duration::from_mins(1), Duration::from_hours(1), 5);
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

pub(super) async fn forget_jobs(job: ForgetJobs, held: Held) -> Result<Value, Failed> {
    forget(&held, sql!("work/forget"), &[&i32::from(job.days)]).await
}
