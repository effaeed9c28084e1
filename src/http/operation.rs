//! Work that outlives its request: begun with `202`, told of under `/operations/{id}` (RFC 9110 §15.3.3), and run in the
//! process that took the request ([`super::executor`]). What it has not committed when the process ends is undone, and it is
//! shown as interrupted.
use std::time::Duration;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use rowhouse_pg::new_id;
use serde::Serialize;
use serde_json::{Value, json};
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
    db::{FromRow, Tx, Write},
    from_row, sql, text_enum,
};

/// How often work that waits says that it is still there; after a minute of silence it counts as interrupted.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
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
        /// Its process has ended before it did. What was not committed is undone; begin it again.
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

/// Hold of an operation that is under way.
#[derive(Clone, Debug)]
pub struct Work {
    tenant: Tenant,
    id: Uuid,
}

/// Whether to go on.
struct Wanted(bool);

/// No row: it was ended from outside, so nobody waits for it any more.
fn wanted(row: Option<Wanted>) -> bool {
    row.is_some_and(|Wanted(wanted)| wanted)
}

from_row! { Wanted: "wanted" }

impl Work {
    /// Writes the operation down, as the last statement of a transaction that acts once.
    pub async fn begin<'c>(
        tenant: &Tenant,
        attempt: Attempt<'c>,
        kind: &'static str,
        total: Option<i64>,
    ) -> Result<(Self, Operation, Done<'c>), Early> {
        let id = new_id();
        let params: crate::db::Params<'_> = &[&id, &kind, &total, &tenant.user()];
        let (operation, done) = attempt.one::<Operation>(sql!("operations/insert"), params).await?;
        Ok((Self::of(tenant, id), operation, done))
    }

    /// Writes it down in a transaction that does something else as well. Run it once that is committed.
    pub async fn begin_in(tenant: &Tenant, tx: &mut Tx<'_, Write>, kind: &'static str) -> Result<(Self, Operation)> {
        let id = new_id();
        let params: crate::db::Params<'_> = &[&id, &kind, &None::<i64>, &tenant.user()];
        let operation = tx.one(sql!("operations/insert"), params).await?;
        Ok((Self::of(tenant, id), operation))
    }

    fn of(tenant: &Tenant, id: Uuid) -> Self {
        Self { tenant: tenant.at_work(), id }
    }

    /// Which operation.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// On whose behalf, inside which tenant.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Says that so much is done. False when somebody asked for it to stop.
    pub async fn progress(&self, done: i64) -> Result<bool> {
        let mut conn = self.tenant.writes().await?;
        Ok(wanted(conn.write().last().optional(sql!("operations/progress"), &[&self.id, &done]).await?))
    }

    /// The same as the last statement of a transaction of the work itself, which is committed either way.
    pub async fn progress_in(&self, tx: Tx<'_, Write>, done: i64) -> Result<bool> {
        Ok(wanted(tx.last().optional(sql!("operations/progress"), &[&self.id, &done]).await?))
    }

    /// Ends it in the transaction of its last effect, and commits both.
    pub async fn succeed(&self, tx: Tx<'_, Write>, done: i64, result: &Value) -> Result<()> {
        let status = OperationStatus::Succeeded;
        tx.last().optional::<()>(sql!("operations/finish"), &[&self.id, &status, &done, result]).await?;
        Ok(())
    }

    /// Ends it as failed; `result` is a report, to which the problem is added.
    pub async fn fail(&self, done: i64, error: &Error, mut result: Value) -> Result<()> {
        let (_, code) = error.kind();
        let mut problem = json!({ "code": code, "title": error.title(), "detail": error.detail() });
        if let Error::Invalid(violations) = error {
            problem["errors"] = json!(violations);
        }
        if let Some(result) = result.as_object_mut() {
            result.insert("problem".to_owned(), problem);
        }
        self.finish(OperationStatus::Failed, done, &result).await
    }

    /// Ends it because somebody asked for it.
    pub async fn cancel(&self, done: i64, result: &Value) -> Result<()> {
        self.finish(OperationStatus::Cancelled, done, result).await
    }

    async fn finish(&self, status: OperationStatus, done: i64, result: &Value) -> Result<()> {
        let mut conn = self.tenant.writes().await?;
        let last = conn.write().last();
        last.optional::<()>(sql!("operations/finish"), &[&self.id, &status, &done, result]).await?;
        Ok(())
    }

    /// Waits for something, telling that it is alive; none when somebody asked for it to stop in the meantime.
    pub(super) async fn wait<T>(&self, something: impl Future<Output = T>) -> Result<Option<T>> {
        tokio::pin!(something);
        // What comes at once comes before anybody could have cancelled.
        if let Ok(come) = tokio::time::timeout(Duration::from_millis(100), &mut something).await {
            return Ok(Some(come));
        }
        loop {
            let come = tokio::time::timeout(SIGN_OF_LIFE, &mut something).await.ok();
            match (self.still_wanted().await, come) {
                (Ok(false), _) => return Ok(None),
                (Ok(true), Some(come)) => return Ok(Some(come)),
                (Err(error), Some(_)) => return Err(error),
                (_, None) => {}
            }
        }
    }

    async fn still_wanted(&self) -> Result<bool> {
        let mut conn = self.tenant.writes().await?;
        Ok(wanted(conn.write().last().optional(sql!("operations/wait"), &[&self.id]).await?))
    }
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
