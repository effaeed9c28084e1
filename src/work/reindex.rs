//! Every product of a tenant brought into the language of its settings, a transaction a batch. What is written meanwhile is in it already.
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::operation::{self, Operating};
use crate::{
    Result, from_row,
    jobs::{Failed, Held, Job, backoff::Backoff},
    sql,
};

/// Products indexed in one transaction.
const BATCH: i64 = 200;

/// Indexes products anew, as an operation.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReindexProducts {
    /// As PostgreSQL names it.
    pub language: String,
}

impl Job for ReindexProducts {
    const KIND: &'static str = "products.reindex";
    const PERMISSIONS: &'static [&'static str] = &["operations:run", "products:write"];
    const ASKS: Option<&'static str> = Some("products:write");
    const BACKOFF: Backoff = operation::BACKOFF;
    const TIMEOUT: Duration = operation::TIMEOUT;
    const LONG: bool = true;
    const ON_BEHALF: bool = true;
}

/// How far a batch came.
struct Batch {
    last: Uuid,
    passed: i64,
}
from_row! { Batch: last, passed }

pub(super) async fn reindex(job: ReindexProducts, held: Held) -> Result<Value, Failed> {
    let Some(work) = Operating::begin(held).await? else { return Ok(json!({ "operation": "ended" })) };
    // From the beginning, where another worker was lost half-way: those that are in the language are passed over.
    let (mut after, mut done) = (Uuid::nil(), 0);
    loop {
        match batch(&work, &job.language, after, done).await {
            Ok(Step::On { last, passed }) => (after, done) = (last, passed),
            Ok(Step::Ended(told)) => return Ok(told),
            Ok(Step::Stopped(done)) => return Err(work.cancel(done, &json!({ "products": done })).await?),
            Err(error) => return work.after(error, done, json!({ "products": done })).await,
        }
    }
}

enum Step {
    On { last: Uuid, passed: i64 },
    Stopped(i64),
    Ended(Value),
}

async fn batch(work: &Operating, language: &str, after: Uuid, done: i64) -> Result<Step> {
    let begun = Instant::now();
    let mut conn = work.writes().await?;
    let mut tx = conn.write();
    let found = tx.optional::<Batch>(sql!("work/reindex_products"), &[&after, &BATCH, &language]).await?;
    let Some(Batch { last, passed }) = found else {
        return work.succeed(tx, done, &json!({ "products": done })).await.map(Step::Ended);
    };
    let passed = done + passed;
    let wanted = work.progress(tx, None, passed, &json!({ "products": passed })).await?;
    drop(conn);
    if !wanted {
        return Ok(Step::Stopped(passed));
    }
    work.held().give_way(begun.elapsed()).await;
    Ok(Step::On { last, passed })
}
