//! Who works on what, and how much at a time: work takes its turns, so that requests keep their connections, and files
//! that wait have their room. Neither can be taken by one tenant or one person alone.
use std::time::Duration;

use serde_json::json;
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

use super::{
    file_quota::{FileQuota, Place, Way},
    operation::Work,
    turns::{Length, Turn, Turns, Whose},
};
use crate::{Error, Result, auth::Tenant};

/// Files of the largest size that there is room for.
const FILES: u64 = 4;
/// Bytes of a file that is written in a moment.
const SHORT: u64 = 32 << 10;

/// Where work that outlives its request is done.
#[doc(alias = "background jobs")]
#[derive(Clone, Debug)]
pub struct Executor {
    /// One operation of a tenant at a time, in the order in which they began: they may write the same rows.
    own: Turns,
    writes: Turns,
    exports: Turns,
    room: FileQuota,
    /// Operations that are under way.
    tasks: TaskTracker,
    /// Cancelled when they are to be interrupted.
    cut: CancellationToken,
}

impl Executor {
    /// An executor beside a pool of so many connections, for files of so many bytes.
    #[must_use]
    pub fn new(connections: usize, file_bytes: u64) -> Self {
        // One in four to each kind; an operation needs a second one now and then, to tell how far it is.
        let share = (connections / 4).max(1);
        Self {
            own: Turns::new(usize::MAX, 0),
            writes: Turns::new(share, 1),
            exports: Turns::new(share, 0),
            room: FileQuota::new(file_bytes.saturating_mul(FILES)),
            tasks: TaskTracker::new(),
            cut: CancellationToken::new(),
        }
    }

    /// A turn for an export to read the database.
    pub async fn export(&self, tenant: &Tenant) -> Turn {
        self.exports.take(whose(tenant), Length::Long).await
    }

    /// A place for a file: `429` while others of the tenant's or the member's are under way.
    pub fn place(&self, tenant: &Tenant, way: Way) -> Result<Place> {
        self.room.place(whose(tenant), way)
    }

    /// Runs an operation that has been committed, when none of its tenant's is under way any more. `job` gets hold of it,
    /// works, and ends it; an error it returns ends it as failed.
    pub fn run<F>(&self, work: Work, job: impl FnOnce(Work, Self) -> F + Send + 'static)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let executor = self.clone();
        self.tasks.spawn(async move {
            let ended = tokio::select! {
                ended = executor.clone().work(&work, job) => ended,
                // What it has not committed is undone with its connection.
                () = executor.cut.cancelled() => Err(Error::Leaving),
            };
            let Err(error) = ended else { return };
            if let Error::Internal(what) = &error {
                tracing::error!(operation = %work.id(), what, "an operation failed");
            }
            if let Err(error) = work.fail(0, &error, json!({})).await {
                tracing::warn!(operation = %work.id(), %error, "how an operation ended could not be written down");
            }
        });
    }

    async fn work<F>(self, work: &Work, job: impl FnOnce(Work, Self) -> F + Send + 'static) -> Result<()>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        // By tenant alone: others' operations of the same member are no reason to wait.
        let tenant = work.tenant().id().as_uuid();
        let own = self.own.take(Whose { tenant, principal: tenant }, Length::Long);
        let own = work.wait(own).await?;
        if own.is_none() || !work.progress(0).await? {
            return work.cancel(0, &json!({})).await;
        }
        // In a task of its own, whose panic is one more way to fail. It ends when nobody waits for it any more.
        match AbortOnDropHandle::new(tokio::spawn(job(work.clone(), self))).await {
            Ok(ended) => ended,
            Err(panicked) => Err(Error::internal(format!("an operation panicked: {panicked}"))),
        }
    }

    /// Interrupts the operations that are under way, which are told to have failed, so that nobody waits for them. Those that
    /// cannot say so in time count as interrupted when they have been silent for a minute.
    pub async fn finish(&self, within: Duration) {
        self.cut.cancel();
        self.tasks.close();
        if tokio::time::timeout(within, self.tasks.wait()).await.is_err() {
            tracing::warn!(operations = self.tasks.len(), "operations were interrupted and could not say so");
        }
    }

    /// A turn to write, for an operation that has so many bytes to write before it gives way; none when somebody asked for
    /// it to stop while it waited.
    pub async fn write(&self, work: &Work, bytes: u64) -> Result<Option<Turn>> {
        let length = if bytes <= SHORT { Length::Short } else { Length::Long };
        work.wait(self.writes.take(whose(work.tenant()), length)).await
    }
}

fn whose(tenant: &Tenant) -> Whose {
    let [tenant, principal] = tenant.whose();
    Whose { tenant, principal }
}
