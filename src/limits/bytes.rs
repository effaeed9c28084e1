//! How many bytes each tenant may have kept within a stretch of time, in this process: a share of what all have room in.
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

/// Tenants of whom it is known what they have spent; when there are more, those who owe nothing are forgotten.
const KNOWN: usize = 10_000;

/// So many bytes within so long for each, at once or evenly (the algorithm of [`Policy`](super::Policy), for bytes).
#[derive(Debug)]
pub struct ByteBudget {
    begun: Instant,
    window: Duration,
    bytes: u64,
    /// When all that was kept so far would have been due, in nanoseconds since the beginning.
    due: Mutex<HashMap<Uuid, u128>>,
}

impl ByteBudget {
    /// So many bytes within so long.
    #[must_use]
    pub fn new(bytes: u64, window: Duration) -> Self {
        Self { begun: Instant::now(), window, bytes, due: Mutex::default() }
    }

    /// Spends so many bytes of this tenant's, or says how long it has to wait for them; what is more than all of it never fits.
    pub fn spend(&self, whose: Uuid, bytes: u64) -> Result<(), Duration> {
        let (now, window) = (self.begun.elapsed().as_nanos(), self.window.as_nanos());
        let cost = window * u128::from(bytes) / u128::from(self.bytes.max(1));
        let mut all = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= KNOWN && !all.contains_key(&whose) {
            all.retain(|_, due| *due > now);
        }
        let due = all.entry(whose).or_insert(now);
        let then = (*due).max(now) + cost;
        if then <= now + window {
            *due = then;
            return Ok(());
        }
        Err(Duration::from_nanos(u64::try_from(then - now - window).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_its_bytes_and_nothing_of_anothers() {
        let budget = ByteBudget::new(1_000, Duration::from_hours(1));
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(budget.spend(one, 600), Ok(()));
        let wait = budget.spend(one, 600).unwrap_err();
        assert!(wait > Duration::from_secs(700) && wait <= Duration::from_mins(12), "two hundred too many: {wait:?}");
        assert_eq!(budget.spend(one, 400), Ok(()), "what was refused has taken nothing");
        assert_eq!(budget.spend(two, 1_000), Ok(()));
        assert!(budget.spend(Uuid::from_u128(3), 1_001).is_err());
    }

    #[test]
    fn what_was_spent_comes_free_again() {
        let budget = ByteBudget::new(1_000_000, Duration::from_millis(50));
        assert_eq!(budget.spend(Uuid::nil(), 1_000_000), Ok(()));
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(budget.spend(Uuid::nil(), 1_000_000), Ok(()));
    }
}
