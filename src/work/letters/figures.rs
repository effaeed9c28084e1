//! What became of letters here, and what waits: for whoever watches the platform. No address, and nobody's name.
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{Result, db::WorkerDb, from_row, sql};

/// Letters that are written and not sent, of the whole directory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waiting {
    /// How many wait, those that are under way among them.
    pub waiting: i64,
    /// How long ago the first of them was written.
    pub seconds: f64,
    /// How many were given up, and are kept for a month.
    pub dead: i64,
}
from_row! { Waiting: waiting, seconds, dead }

/// Letters of this process that have ended a try, by what came of it, and what waited when somebody last looked.
#[derive(Debug, Default)]
pub struct LetterFigures {
    tried: Mutex<BTreeMap<&'static str, u64>>,
    waiting: Mutex<Waiting>,
}

impl LetterFigures {
    pub(super) fn note(&self, outcome: &'static str) {
        *self.tried.lock().unwrap_or_else(PoisonError::into_inner).entry(outcome).or_default() += 1;
    }

    pub(super) async fn look(&self, db: &WorkerDb) -> Result<()> {
        let mut conn = db.outside().await?;
        let waiting = conn.read().last().one(sql!("work/letter_figures"), &[]).await?;
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
        Ok(())
    }

    /// Tries that have ended: `sent`, `again` (it is tried later) or `dead` (it was given up).
    #[must_use]
    pub fn tried(&self) -> Vec<(&'static str, u64)> {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.iter().map(|(outcome, count)| (*outcome, *count)).collect()
    }

    /// What waits.
    #[must_use]
    pub fn waiting(&self) -> Waiting {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
