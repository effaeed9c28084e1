//! What a worker has done, and what waits: of all tenants together, for whoever watches the platform.
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{Result, db::WorkerDb, from_row, sql};

/// What waits of one kind.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Which kind.
    pub kind: String,
    /// How many are due.
    pub jobs: i64,
    /// For how long the first of them has been.
    pub seconds: f64,
}
from_row! { Waiting: kind, jobs, seconds }

/// Attempts of this process that have ended, by kind and by what came of them, and what waited when somebody last looked.
#[derive(Debug, Default)]
pub struct JobFigures {
    ended: Mutex<BTreeMap<(String, &'static str), u64>>,
    waiting: Mutex<Vec<Waiting>>,
}

impl JobFigures {
    pub(super) fn note(&self, kind: &str, outcome: &'static str) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        *ended.entry((kind.to_owned(), outcome)).or_default() += 1;
    }

    pub(super) async fn look(&self, db: &WorkerDb) -> Result<()> {
        let mut conn = db.outside().await?;
        let waiting = conn.read().last().all(sql!("work/figures"), &[]).await?;
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
        Ok(())
    }

    /// Attempts that have ended, by kind and outcome: `succeeded`, `failed` or `lost`.
    #[must_use]
    pub fn ended(&self) -> Vec<((String, &'static str), u64)> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.iter().map(|(of, count)| (of.clone(), *count)).collect()
    }

    /// What waits and is due, by kind.
    #[must_use]
    pub fn waiting(&self) -> Vec<Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
