//! What a handler is given: the job it holds, behind its tenant's wall, as long as it holds it; and what a handler says of a failure.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use rowhouse_walls::{HeldJob, TenantId};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Error, Result,
    db::{TenantWrites, Tx, WorkerDb, Write},
    from_row,
    polite::pause_after,
    sql,
};

/// Why an attempt failed: a word for programs and a short text for people, of ours; never what a database or another server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub(super) code: &'static str,
    pub(super) text: String,
    pub(super) retry: Retry,
}

/// What becomes of a job after an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// As its kind says.
    Again,
    /// The same, and not before so long.
    After(Duration),
    /// It would fail again.
    Never,
}

impl Failed {
    /// It may go better the next time.
    #[must_use]
    pub fn again(code: &'static str, text: String) -> Self {
        Self { code, text, retry: Retry::Again }
    }

    /// Whoever was asked wants to be left alone for so long.
    #[must_use]
    pub fn after(code: &'static str, text: String, wait: Duration) -> Self {
        Self { code, text, retry: Retry::After(wait) }
    }

    /// It would not go better: the job is dead, and somebody has to look.
    #[must_use]
    pub fn never(code: &'static str, text: String) -> Self {
        Self { code, text, retry: Retry::Never }
    }
}

impl From<Error> for Failed {
    /// By its code and title, which are the same each time and quote nobody.
    fn from(error: Error) -> Self {
        if let Error::Internal(what) = &error {
            tracing::error!(%what, "a job failed by a fault of ours");
        }
        let (_, code) = error.kind();
        Self::again(code, error.title().to_owned())
    }
}

/// What the worker and the handler both know of a job under way.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) done: AtomicI64,
    /// Below zero where it is not known.
    pub(super) total: AtomicI64,
    /// It was ended in a transaction of its own.
    pub(super) ended: AtomicBool,
    /// Cancelled when somebody wants it to stop.
    pub(super) stop: CancellationToken,
}

/// A job that this worker holds.
#[derive(Clone, Debug)]
pub struct Held {
    pub(super) db: WorkerDb,
    pub(super) tenant: TenantId,
    pub(super) job: HeldJob,
    pub(super) attempt: i16,
    pub(super) created_by: Option<Uuid>,
    pub(super) shared: Arc<Shared>,
}

struct Ended(#[expect(dead_code, reason = "that there is a row is what is asked")] Uuid);
from_row! { Ended: "id" }

impl Held {
    /// Which job.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.job.id()
    }

    /// In which tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The how manieth attempt it is, from 1.
    #[must_use]
    pub fn attempt(&self) -> i16 {
        self.attempt
    }

    /// The member who caused it.
    #[must_use]
    pub fn created_by(&self) -> Option<Uuid> {
        self.created_by
    }

    /// A connection promised to this job in its tenant. Whatever it sends PostgreSQL refuses once the lease has been lost.
    pub async fn writes(&self) -> Result<TenantWrites> {
        self.db.inside(self.tenant, Some(self.job)).await
    }

    /// Says how far it is; told with the next sign of life. False when somebody wants it to stop.
    #[expect(clippy::must_use_candidate, reason = "whoever is done with the next step is not asked")]
    pub fn progress(&self, done: i64, total: Option<i64>) -> bool {
        self.shared.done.store(done.max(0), Ordering::Relaxed);
        self.shared.total.store(total.unwrap_or(-1), Ordering::Relaxed);
        !self.shared.stop.is_cancelled()
    }

    /// Gives way after so much work, where others are about: for as long, but never for long.
    pub async fn give_way(&self, worked: Duration) {
        if self.db.others_than(self.tenant) {
            pause_after(worked).await;
        }
    }

    /// Resolves when somebody wants it to stop, or the worker has to go.
    pub async fn stopped(&self) {
        self.shared.stop.cancelled().await;
    }

    /// Ends the job in the transaction of its last effect, and commits both or neither: whatever is done so is done once.
    ///
    /// # Errors
    /// [`Error::JobNotHeld`] where it was given to somebody else meanwhile; nothing is committed then.
    pub async fn succeed_in(&self, mut tx: Tx<'_, Write>, result: &Value) -> Result<()> {
        if self.finish(&mut tx, result).await? {
            tx.commit().await?;
            self.shared.ended.store(true, Ordering::Release);
            return Ok(());
        }
        tx.rollback().await?;
        Err(Error::JobNotHeld)
    }

    pub(super) async fn finish(&self, tx: &mut Tx<'_, Write>, result: &Value) -> Result<bool> {
        let done = self.shared.done.load(Ordering::Relaxed);
        let total = Some(self.shared.total.load(Ordering::Relaxed)).filter(|total| *total >= 0);
        let (id, lease) = (self.job.id(), self.job.lease());
        let params: crate::db::Params<'_> = &[&id, &lease, result, &done, &total];
        Ok(tx.optional::<Ended>(sql!("work/succeed"), params).await?.is_some())
    }
}
