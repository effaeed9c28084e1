//! The job's side of an operation (docs/adr/0034): an operation is what callers see of the job with its id. It says how far it is and how it ended,
//! in the transactions of what is done.
use std::{
    fs::File,
    io::{Seek as _, Write as _},
    time::Duration,
};

use aws_lc_rs::digest::{Context, SHA256};
use rowhouse_pg::FromRow;
use serde_json::{Value, json};
use tokio_postgres::Row;

use crate::{
    Error, Result,
    db::{Params, TenantWrites, Tx, Write},
    from_row,
    jobs::{Failed, Held, backoff::Backoff},
    sql,
};

/// How often one is tried, and after how long again: a quarter of an hour at most lies between the first try and the last.
pub const BACKOFF: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_mins(5), 10);
/// How long one attempt may take.
pub const TIMEOUT: Duration = Duration::from_hours(2);
/// Operations of a tenant are done one after another: they may write the same rows.
pub const IN_ORDER: &str = "operations";

/// An operation under way, held by the job that it is.
#[derive(Clone, Debug)]
pub struct Operating {
    held: Held,
    /// How far it was when it was taken up: more than nothing where a worker before this one was lost, or failed.
    pub done: i64,
    /// What it had come to by then.
    pub result: Value,
}

struct Begun {
    done: i64,
    result: Option<Value>,
    cancelling: bool,
}
from_row! { Begun: done, result, cancelling }

/// Whether to go on.
struct Wanted(bool);
from_row! { Wanted: "wanted" }

struct Kept {
    bytes: i64,
    sha256: Vec<u8>,
}
from_row! { Kept: bytes, sha256 }

struct Chunk(Vec<u8>);

impl FromRow for Chunk {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        row.try_get("data").map(Self)
    }
}

impl Operating {
    /// Takes it up; none where there is nothing to do any more, since it has ended or somebody has cancelled it.
    pub async fn begin(held: Held) -> Result<Option<Self>, Failed> {
        let mut conn = held.writes().await?;
        let id = held.id();
        let begun: Option<Begun> =
            conn.write().last().optional(sql!("work/operation_begin"), &[&id]).await.map_err(Error::from)?;
        drop(conn);
        let Some(Begun { done, result, cancelling }) = begun else { return Ok(None) };
        let work = Self { held, done, result: result.unwrap_or_else(|| json!({})) };
        if cancelling {
            return Err(work.cancel(work.done, &work.result).await?);
        }
        Ok(Some(work))
    }

    /// A connection promised to it.
    pub async fn writes(&self) -> Result<TenantWrites> {
        self.held.writes().await
    }

    /// The job that it is.
    #[must_use]
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// Whether it is to go on.
    pub async fn wanted(&self) -> Result<bool> {
        let mut conn = self.writes().await?;
        let row: Option<Wanted> =
            conn.read().last().optional(sql!("work/operation_wanted"), &[&self.held.id()]).await?;
        Ok(row.is_some_and(|Wanted(wanted)| wanted))
    }

    /// The same in a transaction of the work itself, which is told how far it is beside it, since what it writes nobody sees yet.
    pub async fn wanted_in(&self, tx: &mut Tx<'_, Write>, done: i64) -> Result<bool> {
        let going = self.held.progress(done, None);
        let row: Option<Wanted> = tx.optional(sql!("work/operation_wanted"), &[&self.held.id()]).await?;
        Ok(going && row.is_some_and(|Wanted(wanted)| wanted))
    }

    /// The last statement of a transaction that adds to what is done, `before` being how far it was; both are committed, or neither where somebody
    /// else has added since. False when somebody asked for it to stop.
    ///
    /// # Errors
    /// [`Error::JobNotHeld`] where it has ended or is not where it was.
    pub async fn progress(
        &self,
        mut tx: Tx<'_, Write>,
        before: Option<i64>,
        done: i64,
        result: &Value,
    ) -> Result<bool> {
        let params: Params<'_> = &[&self.held.id(), &done, result, &before];
        let Some(Wanted(wanted)) = tx.optional(sql!("work/operation_progress"), params).await? else {
            tx.rollback().await?;
            return Err(Error::JobNotHeld);
        };
        tx.commit().await?;
        // Once it is committed: what a sign of life tells counts as done.
        Ok(self.held.progress(done, None) && wanted)
    }

    /// Ends it, and the job with it, in the transaction of its last effect.
    pub async fn succeed(&self, tx: Tx<'_, Write>, done: i64, result: &Value) -> Result<Value> {
        self.held.progress(done, None);
        self.end(tx, "succeeded", done, result).await
    }

    /// Ends it as failed; `result` is a report, to which the problem is added.
    pub async fn fail(&self, done: i64, error: &Error, mut result: Value) -> Result<Value> {
        if let Error::Internal(what) = error {
            tracing::error!(operation = %self.held.id(), what, "an operation failed by a fault of ours");
        }
        let (_, code) = error.kind();
        let mut problem = json!({ "code": code, "title": error.title(), "detail": error.detail() });
        if let Error::Invalid(violations) = error {
            problem["errors"] = json!(violations);
        }
        if let Some(result) = result.as_object_mut() {
            result.insert("problem".to_owned(), problem);
        }
        let mut conn = self.writes().await?;
        self.end(conn.write(), "failed", done, &result).await
    }

    /// Ends it where somebody asked for it; what comes back ends the attempt.
    pub async fn cancel(&self, done: i64, result: &Value) -> Result<Failed> {
        let mut conn = self.writes().await?;
        let params: Params<'_> = &[&self.held.id(), &done, result];
        Ok(match conn.write().last().optional::<()>(sql!("work/operation_cancel"), params).await? {
            Some(()) => Failed::again("cancelled", "its operation was cancelled".to_owned()),
            None => Failed::again("stopped", "it was asked to stop".to_owned()),
        })
    }

    async fn end(&self, mut tx: Tx<'_, Write>, status: &'static str, done: i64, result: &Value) -> Result<Value> {
        let params: Params<'_> = &[&self.held.id(), &status, &done, result];
        tx.optional::<()>(sql!("work/operation_finish"), params).await?;
        let told = json!({ "operation": status });
        self.held.succeed_in(tx, &told).await?;
        Ok(told)
    }

    /// What becomes of the job after an error: where it may go better the next time it is tried again, and else the operation has failed.
    pub async fn after(&self, error: Error, done: i64, report: Value) -> Result<Value, Failed> {
        match error {
            Error::JobNotHeld | Error::TenantNotOpen(_) => Err(error.into()),
            error if error.passes() => Err(error.into()),
            error => Ok(self.fail(done, &error, report).await?),
        }
    }

    /// The file that it is about, copied to this machine: at its beginning, and without a name, so that it is gone when nobody has it open.
    pub async fn file(&self) -> Result<File> {
        // A full directory is this machine's trouble: another may have room.
        let kept = |error: std::io::Error| {
            tracing::error!(%error, "a file that is to be read cannot be kept in the temporary directory");
            Error::Busy
        };
        let mut conn = self.writes().await?;
        let id = self.held.id();
        let Kept { bytes, sha256 } = conn.read().last().one(sql!("work/operation_file"), &[&id]).await?;
        let (mut copied, mut number, mut hash) = (0, 0_i32, Context::new(&SHA256));
        let mut file = tempfile::tempfile().map_err(kept)?;
        while copied < bytes {
            let chunk: Option<Chunk> =
                conn.read().last().optional(sql!("work/operation_chunk"), &[&id, &number]).await?;
            let Chunk(data) = chunk.ok_or_else(|| Error::internal("a file lacks a piece"))?;
            hash.update(&data);
            copied += i64::try_from(data.len()).unwrap_or(i64::MAX);
            number += 1;
            let written = tokio::task::spawn_blocking(move || file.write_all(&data).map(|()| file)).await;
            file = written.map_err(|error| Error::internal(format!("no thread for a file: {error}")))?.map_err(kept)?;
        }
        if copied != bytes || hash.finish().as_ref() != sha256 {
            return Err(Error::internal("a file is not what was sent"));
        }
        file.rewind().map_err(kept)?;
        Ok(file)
    }
}
