//! One of this process works an answer out, the others wait for it: a crowd that asks for the same costs the database one
//! statement.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Mutex as RecomputeLock, OwnedMutexGuard};

use super::Key;

type Turns = Arc<Mutex<HashMap<Key, Arc<RecomputeLock<()>>>>>;

#[doc(alias = "request coalescing")]
#[derive(Default)]
pub(super) struct SingleFlight(Turns);

/// Something that is being worked out, or about to be.
pub(super) struct Flight {
    key: Key,
    turn: Option<Arc<RecomputeLock<()>>>,
    turns: Turns,
}

impl SingleFlight {
    pub(super) fn of(&self, key: &Key) -> Flight {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.entry(key.clone()).or_default().clone();
        Flight { key: key.clone(), turn: Some(turn), turns: self.0.clone() }
    }
}

impl Flight {
    /// The turn to work it out; none for whoever has waited for somebody else's to end, or for so long.
    pub(super) async fn begin(&self, wait: Duration) -> Option<OwnedMutexGuard<()>> {
        let turn = self.turn.as_ref()?;
        if let Ok(first) = turn.clone().try_lock_owned() {
            return Some(first);
        }
        let _ = tokio::time::timeout(wait, turn.lock()).await;
        None
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Let go of while the map is held, so that of several who do so at once one is the last.
        drop(self.turn.take());
        if turns.get(&self.key).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            turns.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::CachePolicy;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nothing_is_left_of_a_crowd() {
        let flights = Arc::new(SingleFlight::default());
        let key = Key::test(CachePolicy::KPIS);
        let crowd = (0..200).map(|_| {
            let (flights, key) = (flights.clone(), key.clone());
            tokio::spawn(async move {
                let flight = flights.of(&key);
                let _first = flight.begin(Duration::from_millis(20)).await;
                tokio::task::yield_now().await;
            })
        });
        for one in crowd.collect::<Vec<_>>() {
            one.await.unwrap();
        }
        assert!(flights.0.lock().unwrap().is_empty());
    }
}
