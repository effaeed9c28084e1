//! Who works on what, and how much at a time: work takes its turns, so that requests keep their connections, and files
//! that wait have their room, of which no tenant can take all.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::operation::Work;
use crate::{Error, Result};

/// Imports of one tenant that may be received, wait or run at a time.
const IMPORTS_OF_A_TENANT: usize = 2;
/// Files of the largest size that there is room for.
const FILES: u64 = 4;
/// In what room is counted, in bytes.
const UNIT: u64 = 1024;

/// Where work that outlives its request is done.
#[derive(Clone, Debug)]
pub struct Workshop {
    imports: Arc<Semaphore>,
    exports: Arc<Semaphore>,
    room: Arc<Semaphore>,
    places: Arc<Mutex<HashMap<Uuid, usize>>>,
}

impl Workshop {
    /// A workshop beside a pool of so many connections, for files of so many bytes.
    #[must_use]
    pub fn new(connections: usize, file_bytes: u64) -> Self {
        // One in four to each kind; an operation needs a second one now and then, to tell how far it is.
        let share = (connections / 4).max(1);
        let room = usize::try_from(file_bytes.saturating_mul(FILES) / UNIT).unwrap_or(usize::MAX);
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self { imports: semaphore(share), exports: semaphore(share), room: semaphore(room), places: Arc::default() }
    }

    /// A turn for an export, which its caller is waiting for: `503` when none is free in this time.
    pub async fn export(&self, within: Duration) -> Result<OwnedSemaphorePermit> {
        let turn = tokio::time::timeout(within, self.exports.clone().acquire_owned()).await;
        turn.map_err(|_| Error::Busy)?.map_err(|_| Error::Busy)
    }

    /// A place for a file that a tenant is about to send: `503` while others of its files are under way.
    pub fn place(&self, tenant: Uuid) -> Result<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = places.entry(tenant).or_default();
        if *taken == IMPORTS_OF_A_TENANT {
            return Err(Error::Busy);
        }
        *taken += 1;
        drop(places);
        Ok(Place { tenant, bytes: 0, room: None, workshop: self.clone() })
    }

    /// Runs an operation that has been committed, when its turn comes. `job` gets hold of it, works, and ends it; an
    /// error it returns ends it as failed.
    pub fn run<F>(&self, work: Work, job: impl FnOnce(Work) -> F + Send + 'static)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let turns = self.imports.clone();
        tokio::spawn(async move {
            let Some(_turn) = work.wait(turns).await else { return };
            // In a task of its own, whose panic is one more way to fail.
            let ended = tokio::spawn(job(work.clone())).await;
            let error = match ended {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(panicked) => Error::internal(format!("an operation panicked: {panicked}")),
            };
            if let Error::Internal(what) = &error {
                tracing::error!(operation = %work.id(), what, "an operation failed");
            }
            if let Err(error) = work.fail(0, &error, json!({})).await {
                tracing::warn!(operation = %work.id(), %error, "how an operation ended could not be written down");
            }
        });
    }
}

/// Place for one file, from its first byte until nobody needs it any more.
#[derive(Debug)]
pub struct Place {
    tenant: Uuid,
    bytes: u64,
    room: Option<OwnedSemaphorePermit>,
    workshop: Workshop,
}

impl Place {
    /// Makes it large enough for so many bytes: `503` when others have taken the room.
    pub fn hold(&mut self, bytes: u64) -> Result<()> {
        let (held, needed) = (self.bytes.div_ceil(UNIT), bytes.div_ceil(UNIT));
        if let Ok(more @ 1..) = u32::try_from(needed.saturating_sub(held)) {
            let more = self.workshop.room.clone().try_acquire_many_owned(more).map_err(|_| Error::Busy)?;
            match &mut self.room {
                Some(room) => room.merge(more),
                room @ None => *room = Some(more),
            }
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.workshop.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = places.get_mut(&self.tenant) {
            *taken -= 1;
            if *taken == 0 {
                places.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tenant_takes_the_room_of_all() {
        let workshop = Workshop::new(8, 10 * UNIT);
        let whole = |n| {
            let mut place = workshop.place(Uuid::from_u128(n)).unwrap();
            place.hold(10 * UNIT).unwrap();
            place
        };
        let (one, _two) = (whole(1), whole(1));
        assert!(matches!(workshop.place(Uuid::from_u128(1)), Err(Error::Busy)), "two files of a tenant at a time");
        let _others = [whole(2), whole(3)];
        let mut none = workshop.place(Uuid::from_u128(4)).unwrap();
        assert!(matches!(none.hold(1), Err(Error::Busy)), "there is room for four files");
        drop(one);
        none.hold(1).unwrap();
        none.hold(10 * UNIT).unwrap();
        workshop.place(Uuid::from_u128(1)).unwrap();
    }

    #[test]
    fn what_is_no_longer_needed_leaves_nothing_behind() {
        let workshop = Workshop::new(8, UNIT);
        for size in [0, 1, UNIT, UNIT + 1, 4 * UNIT] {
            let mut place = workshop.place(Uuid::from_u128(1)).unwrap();
            for bytes in 0..=size {
                place.hold(bytes).unwrap();
            }
        }
        assert_eq!(workshop.room.available_permits(), 4);
        assert!(workshop.places.lock().unwrap().is_empty());
    }
}
