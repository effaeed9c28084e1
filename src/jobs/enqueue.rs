//! Writing a job down, in the transaction that causes it: it is there if that is committed, and else it never was.
use jiff::Timestamp;
use rowhouse_pg::new_id;
use serde_json::Value;
use uuid::Uuid;

use super::kind::Job;
use crate::{
    Error, Result,
    db::{Sql, Tx, Write},
    sql,
};

/// The statement that writes one down; [`NewJob::with`] has its parameters, so that it can leave in the flush of others (`Tx::after`).
pub const ENQUEUE: Sql = sql!("jobs/enqueue");

/// Which of a tenant's own come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Somebody waits for it.
    High,
    /// As most are.
    Normal,
    /// When there is nothing else to do.
    Low,
}

/// A job to be written down.
#[derive(Clone, Debug)]
pub struct NewJob {
    id: Uuid,
    kind: &'static str,
    payload: Value,
    version: i16,
    priority: i16,
    unique_key: Option<String>,
    order_key: Option<String>,
    run_at: Option<Timestamp>,
    max_attempts: i16,
    created_by: Option<Uuid>,
}

impl NewJob {
    /// A job of this kind, due at once.
    pub fn new<J: Job>(job: &J) -> Result<Self> {
        let payload = serde_json::to_value(job)
            .map_err(|error| Error::internal(format!("{} cannot be written: {error}", J::KIND)))?;
        Ok(Self {
            id: new_id(),
            kind: J::KIND,
            payload,
            version: J::VERSION,
            priority: 1,
            unique_key: None,
            order_key: None,
            run_at: None,
            max_attempts: i16::try_from(J::BACKOFF.attempts()).unwrap_or(100).min(100),
            created_by: None,
        })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// With this id: whoever writes it down twice has written it once.
    #[must_use]
    pub fn with_id(self, id: Uuid) -> Self {
        Self { id, ..self }
    }

    /// Not before then.
    #[must_use]
    pub fn at(self, run_at: Timestamp) -> Self {
        Self { run_at: Some(run_at), ..self }
    }

    /// One alone of those of this kind that have not ended; a second is not written down. One that is running has that key too, and may
    /// have read what there was before this transaction: for work that has to see what it writes, leave the key away.
    #[must_use]
    pub fn unique(self, key: &str) -> Self {
        let unique_key = Some(format!("{}/{key}", self.kind));
        Self { unique_key, ..self }
    }

    /// Its unique key as it is kept, if it has one.
    #[must_use]
    pub fn unique_key(&self) -> Option<&str> {
        self.unique_key.as_deref()
    }

    /// After all others of this order that were made before it, and never beside one. What stands before a slash in it is the first word of
    /// the kind's name (`webhooks/…` of `webhooks.deliver`): the database refuses the order of other kinds.
    #[must_use]
    pub fn in_order(self, key: &str) -> Self {
        Self { order_key: Some(key.to_owned()), ..self }
    }

    /// Before or after others of the tenant.
    #[must_use]
    pub fn priority(self, priority: Priority) -> Self {
        let priority = match priority {
            Priority::High => 0,
            Priority::Normal => 1,
            Priority::Low => 2,
        };
        Self { priority, ..self }
    }

    /// In the name of the member who asks, and of nobody else.
    #[must_use]
    pub fn by(self, member: Option<Uuid>) -> Self {
        Self { created_by: member, ..self }
    }

    /// Writes it down with whatever else the transaction does. Where another has its unique key there is no job of this
    /// [`id`](Self::id) afterwards, and nobody is told: to be told would ask for more than causing a job does.
    pub async fn enqueue(&self, tx: &mut Tx<'_, Write>) -> Result<()> {
        tx.all::<()>(ENQUEUE, &self.with()).await?;
        Ok(())
    }

    /// The parameters of [`ENQUEUE`].
    #[must_use]
    pub fn with(&self) -> [&(dyn postgres_types::ToSql + Sync); 10] {
        [
            &self.id,
            &self.kind,
            &self.payload,
            &self.version,
            &self.priority,
            &self.unique_key,
            &self.order_key,
            &self.run_at,
            &self.max_attempts,
            &self.created_by,
        ]
    }
}
