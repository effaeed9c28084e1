//! One of this process works an answer out, the others wait for it: a crowd that asks for the same costs the database one
//! statement.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use super::Key;

type Turns = Arc<Mutex<HashMap<Key, Arc<Turn<()>>>>>;

#[derive(Default)]
pub(super) struct Flights(Turns);

/// Something that is being worked out, or about to be.
pub(super) struct Flight {
    key: Key,
    turn: Arc<Turn<()>>,
    turns: Turns,
}

impl Flights {
    pub(super) fn of(&self, key: &Key) -> Flight {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.entry(key.clone()).or_default().clone();
        Flight { key: key.clone(), turn, turns: self.0.clone() }
    }
}

impl Flight {
    /// The turn to work it out; none for whoever has waited for somebody else's to end, or for so long.
    pub(super) async fn begin(&self, wait: Duration) -> Option<OwnedMutexGuard<()>> {
        if let Ok(first) = self.turn.clone().try_lock_owned() {
            return Some(first);
        }
        let _ = tokio::time::timeout(wait, self.turn.lock()).await;
        None
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's own and this one: nobody else has it, and nobody can take it while the map is held.
        if Arc::strong_count(&self.turn) <= 2 {
            turns.remove(&self.key);
        }
    }
}
