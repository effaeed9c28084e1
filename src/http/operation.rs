//! Work that outlives its request: begun with `202`, told of under `/operations/{id}` (RFC 9110 §15.3.3), and done by a worker. An operation is
//! what callers see of the job with its id, which the same transaction writes down (docs/adr/0034).
use std::fs::File;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio_postgres::Row;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    etag::{tag, versioned},
    extract::Json,
    idempotency::{Attempt, Done, Early},
};
use crate::{
    Error, Result,
    auth::Tenant,
    db::{FromRow, Params, Tx, Write},
    jobs::{Job, NewJob, enqueue::ENQUEUE},
    sql, text_enum,
    work::operation::IN_ORDER,
};

/// Bytes of a piece of a file, as it is kept.
const CHUNK: usize = 512 << 10;
/// What a caller is told to wait before asking again, in seconds.
const ASK_AGAIN: u32 = 1;

/// Work that outlives its request.
#[derive(Debug, Serialize, ToSchema)]
pub struct Operation {
    id: Uuid,
    /// What is done, such as `products.import`.
    kind: String,
    status: OperationStatus,
    /// Units of work done, such as lines.
    done: i64,
    /// How many there are, where that is known.
    total: Option<i64>,
    /// What it came to: counts, a report, or under `problem` why it failed.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    /// The member who began it; null for an API key.
    created_by: Option<Uuid>,
    created_at: Timestamp,
    updated_at: Timestamp,
    finished_at: Option<Timestamp>,
    #[serde(skip)]
    version: i64,
}

text_enum! {
    /// How far an operation is.
    pub enum OperationStatus {
        /// Waits for its turn.
        Queued = "queued",
        /// Under way.
        Running = "running",
        /// Done.
        Succeeded = "succeeded",
        /// Ended without success; `result` says why.
        Failed = "failed",
        /// Ended because somebody asked for it.
        Cancelled = "cancelled",
        /// Begun by a version that did it in its own process, which has ended before it did. What was not committed is undone; begin it again.
        Interrupted = "interrupted",
    }
}

impl Operation {
    /// Whether it has not ended.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        matches!(self.status, OperationStatus::Queued | OperationStatus::Running)
    }

    /// Where it is told of, for an answer about something else (`monitor`, RFC 5989 §3.2).
    #[must_use]
    pub fn link(&self) -> String {
        format!("</api/v1/operations/{}>; rel=\"monitor\"", self.id)
    }

    /// `202`, where it is told of, and when to ask.
    #[must_use]
    pub fn accepted(self) -> Response {
        let headers = [
            (header::LOCATION, format!("/api/v1/operations/{}", self.id)),
            (header::RETRY_AFTER, ASK_AGAIN.to_string()),
        ];
        let tag = [(header::ETAG, tag(self.version))];
        (StatusCode::ACCEPTED, headers, tag, Json(self)).into_response()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// An answer about one: while it is under way, with when to ask again.
    #[must_use]
    pub fn told(under_way: bool, mut answer: Response) -> Response {
        if under_way {
            answer.headers_mut().insert(header::RETRY_AFTER, ASK_AGAIN.into());
        }
        answer
    }
}

/// An operation to be begun: the job that does it, with an id of both.
#[derive(Clone, Debug)]
pub struct Begin {
    job: NewJob,
    kind: &'static str,
    by: Option<Uuid>,
}

impl Begin {
    /// On behalf of whoever asks. A tenant's operations are done one after another, in the order in which they were begun.
    pub fn new<J: Job>(tenant: &Tenant, job: &J) -> Result<Self> {
        let by = tenant.user();
        Ok(Self { job: NewJob::new(job)?.in_order(IN_ORDER).by(by), kind: J::KIND, by })
    }

    /// Writes both down, as the last statements of a transaction that does something else as well.
    pub async fn last(self, tx: Tx<'_, Write>) -> Result<Operation> {
        let id = self.job.id();
        let operation: Params<'_> = &[&id, &self.kind, &self.by];
        let ([begun], _) = tx.last().after([(sql!("operations/insert"), operation)], ENQUEUE, &self.job.with()).await?;
        Ok(begun.one()?)
    }

    /// Writes both down with the file they are about, in a transaction that acts once.
    pub async fn with_file<'c>(
        self,
        mut attempt: Attempt<'c>,
        file: File,
        sha256: &[u8; 32],
    ) -> Result<(Operation, Done<'c>), Early> {
        let id = self.job.id();
        let failed = |error: std::io::Error| Error::internal(format!("an upload cannot be read: {error}"));
        let bytes = i64::try_from(file.metadata().map_err(failed)?.len()).unwrap_or(i64::MAX);
        let operation: Params<'_> = &[&id, &self.kind, &self.by];
        let place: Params<'_> = &[&id, &bytes, &sha256.as_slice()];
        let (insert, keep) = ((sql!("operations/insert"), operation), (sql!("operations/insert_file"), place));
        let mut file = tokio::fs::File::from_std(file);
        let mut chunk = vec![0; CHUNK];
        let first = fill(&mut file, &mut chunk).await.map_err(failed)?;
        // What is small leaves with the rest.
        if (1..CHUNK).contains(&first) {
            let piece: Params<'_> = &[&id, &0_i32, &&chunk[..first]];
            let all = [insert, keep, (sql!("operations/insert_chunk"), piece)];
            let ([begun, ..], _, done) = attempt.last(all, ENQUEUE, &self.job.with()).await?;
            return Ok((begun.one()?, done));
        }
        let ([begun], kept) = attempt.after([insert], keep.0, keep.1).await?;
        if kept.optional::<()>()?.is_none() {
            return Err(Error::FilesUnderWay.into());
        }
        let (mut number, mut filled) = (0_i32, first);
        while filled > 0 {
            attempt.then(sql!("operations/insert_chunk"), &[&id, &number, &&chunk[..filled]]).await?;
            number += 1;
            filled = fill(&mut file, &mut chunk).await.map_err(failed)?;
        }
        let ([], _, done) = attempt.last([], ENQUEUE, &self.job.with()).await?;
        Ok((begun.one()?, done))
    }
}

/// Reads as much as there is room for: less at the end alone.
async fn fill(file: &mut tokio::fs::File, chunk: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < chunk.len() {
        match file.read(&mut chunk[filled..]).await? {
            0 => break,
            more => filled += more,
        }
    }
    Ok(filled)
}

versioned!(Operation);

impl FromRow for Operation {
    fn from_row(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let mut operation = Self {
            id: row.try_get("id")?,
            kind: row.try_get("kind")?,
            status: row.try_get("status")?,
            done: row.try_get("done")?,
            total: row.try_get("total")?,
            result: row.try_get("result")?,
            created_by: row.try_get("created_by")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            finished_at: row.try_get("finished_at")?,
            version: row.try_get("version")?,
        };
        if operation.is_under_way() && row.try_get("silent")? {
            // Another version, of which nothing was written down.
            operation.status = OperationStatus::Interrupted;
            operation.version = -operation.version;
        }
        Ok(operation)
    }
}
