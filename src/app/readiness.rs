//! Whether the server is fit to serve, as it was last asked.
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::{Error, Result, db::Db};

/// How long an answer stands: asking often does not make the database work often.
const FRESH: Duration = Duration::from_secs(1);
/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks whether the server is fit to serve, on a connection of its own: that all others are busy says nothing of that.
#[derive(Debug)]
pub struct Readiness {
    /// Of one connection.
    pub(crate) db: Db,
    /// Whether it is walled as when it was migrated.
    pub(crate) walled: Kept<()>,
    /// Whether searches can use their index.
    pub(crate) indexed: Kept<bool>,
}

impl Readiness {
    /// `db` is for nothing else.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, walled: Kept::default(), indexed: Kept::default() }
    }

    /// Closes the connection.
    pub fn close(&self) {
        self.db.close();
    }
}

/// The last answer to a question, which those who ask at the same time wait for together.
#[derive(Debug)]
pub(crate) struct Kept<T>(Mutex<Option<(Instant, Result<T>)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    pub(crate) async fn or_ask(&self, ask: impl Future<Output = Result<T>>) -> Result<T> {
        let mut last = self.0.lock().await;
        match &*last {
            Some((when, answer)) if when.elapsed() < FRESH => answer.clone(),
            _ => {
                let asked = tokio::time::timeout(PATIENCE, ask).await;
                let mut answer = asked.unwrap_or(Err(Error::DatabaseTimeout));
                // A migration of one table, or its DBA, keeps others from reading what is said of it, and everything else
                // is served: what was so before is so. Who takes a wall down commits, and then it can be read.
                if let (Err(Error::Locked), Some((_, before))) = (&answer, &*last) {
                    tracing::info!("a table is locked, so readiness is as it was");
                    answer = before.clone();
                }
                *last = Some((Instant::now(), answer.clone()));
                answer
            }
        }
    }
}
