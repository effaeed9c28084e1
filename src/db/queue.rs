//! Who gets a connection next. Each tenant has a share of the pool and a queue of its own, and the queues take turns, so
//! that whoever asks for much, or for what takes long, waits for themselves and not before others.
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{
    Error, Result,
    auth::{Principal, TenantId, UserId},
};

/// Who may wait behind whom, at most; one more is told at once that there is no place.
const WAITING: usize = 256;

/// Whose share a connection is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// A tenant's: for whoever PostgreSQL has accepted there.
    Tenant(TenantId),
    /// A person's own: outside any tenant, and inside one as long as nobody has said that they belong there. Whoever only
    /// names a tenant takes nothing from it.
    Person(UserId),
    /// That of all whom nobody knows.
    Strangers,
}

impl Share {
    /// Of somebody who only says who they are: a person's own, and that of all strangers where anybody could have made it up.
    #[must_use]
    pub fn unproven(principal: Principal) -> Self {
        match principal {
            Principal::Person(person) => Self::Person(person.user),
            Principal::Key(_) => Self::Strangers,
        }
    }

    fn key(self) -> Uuid {
        match self {
            Self::Tenant(tenant) => tenant.as_uuid(),
            Self::Person(user) => user.as_uuid(),
            Self::Strangers => Uuid::nil(),
        }
    }
}

/// The places of a pool, and who waits for one.
#[derive(Clone, Debug)]
pub(super) struct Queue(Arc<Mutex<Places>>);

#[derive(Debug)]
struct Places {
    all: usize,
    free: usize,
    /// Places of one share at once.
    share: usize,
    shares: HashMap<Uuid, Line>,
    /// Shares with somebody waiting; the first is next.
    turns: VecDeque<Uuid>,
}

#[derive(Debug, Default)]
struct Line {
    taken: usize,
    waiting: VecDeque<oneshot::Sender<Place>>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    /// None once nothing is to be given back.
    queue: Option<Queue>,
    key: Uuid,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            let mut places = queue.places();
            places.give_back(self.key);
            places.serve(&queue);
        }
    }
}

impl Queue {
    pub(super) fn new(places: usize, share: usize) -> Self {
        let share = share.clamp(1, places.max(1));
        Self(Arc::new(Mutex::new(Places {
            all: places,
            free: places,
            share,
            shares: HashMap::new(),
            turns: VecDeque::new(),
        })))
    }

    /// A place of this share, now or within this time.
    ///
    /// # Errors
    /// [`Error::TenantBusy`] where the share is used up, or too many wait for it; [`Error::PoolExhausted`] where everything is.
    pub(super) async fn place(&self, share: Share, patience: Duration) -> Result<Place> {
        self.wait(share.key(), patience).await
    }

    async fn wait(&self, key: Uuid, patience: Duration) -> Result<Place> {
        let mut answer = match self.ask(key)? {
            Asked::Given(place) => return Ok(place),
            Asked::Waits(answer) => answer,
        };
        if let Ok(Ok(place)) = tokio::time::timeout(patience, &mut answer).await {
            return Ok(place);
        }
        answer.close();
        // Given at the last moment.
        if let Ok(place) = answer.try_recv() {
            return Ok(place);
        }
        Err(self.places().full(key))
    }

    fn ask(&self, key: Uuid) -> Result<Asked> {
        let mut places = self.places();
        let (free, most) = (places.free, places.share);
        let line = places.shares.entry(key).or_default();
        if free > 0 && line.taken < most && line.waiting.is_empty() {
            line.taken += 1;
            places.free -= 1;
            return Ok(Asked::Given(Place { queue: Some(self.clone()), key }));
        }
        if line.waiting.len() >= WAITING {
            // Whoever gave up does not count.
            line.waiting.retain(|one| !one.is_closed());
            if line.waiting.len() >= WAITING {
                return Err(Error::TenantBusy);
            }
        }
        let (give, answer) = oneshot::channel();
        let first = line.waiting.is_empty();
        line.waiting.push_back(give);
        if first {
            places.turns.push_back(key);
        }
        Ok(Asked::Waits(answer))
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Asked {
    Given(Place),
    Waits(oneshot::Receiver<Place>),
}

impl Places {
    fn give_back(&mut self, key: Uuid) {
        self.free += 1;
        if let Some(line) = self.shares.get_mut(&key) {
            line.taken -= 1;
            if line.taken == 0 && line.waiting.is_empty() {
                self.shares.remove(&key);
            }
        }
    }

    /// Gives what is free to whose turn it is. A share that has all it may have keeps its turn.
    fn serve(&mut self, queue: &Queue) {
        let mut full = VecDeque::new();
        while self.free > 0
            && let Some(key) = self.turns.pop_front()
        {
            let Some(line) = self.shares.get_mut(&key) else { continue };
            if line.taken == self.share {
                full.push_back(key);
                continue;
            }
            while let Some(give) = line.waiting.pop_front() {
                match give.send(Place { queue: Some(queue.clone()), key }) {
                    Ok(()) => {
                        line.taken += 1;
                        self.free -= 1;
                        break;
                    }
                    // Gave up. The place was never taken, so nothing is given back.
                    Err(mut place) => place.queue = None,
                }
            }
            if !line.waiting.is_empty() {
                self.turns.push_back(key);
            } else if line.taken == 0 {
                self.shares.remove(&key);
            }
        }
        full.append(&mut self.turns);
        self.turns = full;
    }

    /// Why somebody of this share has waited in vain.
    fn full(&self, key: Uuid) -> Error {
        let its_own = self.shares.get(&key).is_some_and(|line| line.taken == self.share);
        if its_own && self.share < self.all { Error::TenantBusy } else { Error::PoolExhausted }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tenant(n: u128) -> Uuid {
        Uuid::from_u128(n + 1)
    }

    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn one_tenant_has_its_share_and_another_finds_a_place_at_once() {
        let queue = Queue::new(4, 2);
        let _held = [queue.wait(tenant(1), SOON).await.unwrap(), queue.wait(tenant(1), SOON).await.unwrap()];
        assert_eq!(queue.wait(tenant(1), SOON).await.unwrap_err(), Error::TenantBusy);
        let _others = [
            queue.wait(tenant(2), Duration::ZERO).await.unwrap(),
            queue.wait(tenant(3), Duration::ZERO).await.unwrap(),
        ];
        assert_eq!(queue.wait(tenant(4), SOON).await.unwrap_err(), Error::PoolExhausted);
    }

    #[tokio::test]
    async fn whoever_waits_behind_a_crowd_of_another_tenant_is_next() {
        let queue = Queue::new(2, 2);
        let held = [queue.wait(tenant(1), SOON).await.unwrap(), queue.wait(tenant(1), SOON).await.unwrap()];
        let waits = |key: Uuid| {
            let queue = queue.clone();
            tokio::spawn(async move { queue.wait(key, Duration::from_secs(5)).await })
        };
        let crowd: Vec<_> = (0..100).map(|_| waits(tenant(1))).collect();
        let late = waits(tenant(2));
        while queue.places().turns.len() < 2 || queue.places().shares[&tenant(1)].waiting.len() < 100 {
            tokio::task::yield_now().await;
        }
        drop(held);
        let one_after_the_other = async {
            for waiting in crowd {
                drop(waiting.await.unwrap().unwrap());
            }
        };
        tokio::select! {
            biased;
            place = late => drop(place.unwrap().unwrap()),
            () = one_after_the_other => panic!("the late one waited for all"),
        }
    }

    #[tokio::test]
    async fn whoever_gives_up_takes_nothing_and_no_more_wait_than_there_is_room_for() {
        let queue = Queue::new(1, 1);
        let held = queue.wait(tenant(1), SOON).await.unwrap();
        let waiting: Vec<_> = (0..WAITING)
            .map(|_| {
                let queue = queue.clone();
                tokio::spawn(async move { queue.wait(tenant(1), Duration::from_secs(5)).await })
            })
            .collect();
        while queue.places().shares[&tenant(1)].waiting.len() < WAITING {
            tokio::task::yield_now().await;
        }
        assert_eq!(queue.wait(tenant(1), Duration::from_secs(5)).await.unwrap_err(), Error::TenantBusy);
        for one in waiting {
            one.abort();
            let _ = one.await;
        }
        drop(held);
        drop(queue.wait(tenant(1), Duration::ZERO).await.unwrap());
        let places = queue.places();
        assert_eq!((places.free, places.shares.len(), places.turns.len()), (1, 0, 0), "nothing is left behind");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_comes_and_goes_no_place_is_lost_given_twice_or_beyond_a_share(
            pool in 1..6_usize,
            share in 1..6_usize,
            steps in prop::collection::vec((0..4_u128, 0..3_u8), 1..80),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                let queue = Queue::new(pool, share);
                let share = share.min(pool);
                let (mut held, mut waiting) = (Vec::new(), Vec::new());
                for (whose, what) in steps {
                    match what {
                        0 if !held.is_empty() => drop(held.remove(0)),
                        1 if !waiting.is_empty() => drop::<oneshot::Receiver<Place>>(waiting.remove(0)),
                        _ => match queue.ask(tenant(whose)) {
                            Ok(Asked::Given(place)) => held.push(place),
                            Ok(Asked::Waits(answer)) => waiting.push(answer),
                            Err(error) => panic!("{error}"),
                        },
                    }
                    waiting.retain_mut(|one| match one.try_recv() {
                        Ok(place) => {
                            held.push(place);
                            false
                        }
                        Err(_) => true,
                    });
                    let free = queue.places().free;
                    assert_eq!(held.len() + free, pool);
                    for whose in 0..4 {
                        let of = |key: Uuid| held.iter().filter(|place| place.key == key).count();
                        assert!(of(tenant(whose)) <= share);
                    }
                    // Nobody waits who could be served.
                    for line in queue.places().shares.values() {
                        let waits = line.waiting.iter().any(|one| !one.is_closed());
                        assert!(!waits || free == 0 || line.taken == share);
                    }
                }
                drop((held, waiting));
                let places = queue.places();
                assert_eq!((places.free, places.shares.len()), (pool, 0));
            });
        }
    }
}
